"""The watch over Ray's head, on a port of this process."""

from __future__ import annotations

import socket
import threading

import pytest
from ports import free_port

from sweeps.base.errors import HeadLostError
from sweeps.cluster import head_watch
from sweeps.cluster.head_watch import HeadWatch, Patience

SHORT = Patience(lost=0.05, ends=0.05)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(head_watch, "_EVERY", 0.01)


@pytest.fixture
def head():
    with socket.create_server(("127.0.0.1", free_port())) as server:
        yield server


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def test_a_process_that_waits_in_a_call_to_ray_ends_with_the_last_words(head):
    ended, heard = threading.Event(), []
    with HeadWatch(lambda: "resume it", end=lambda words: (heard.append(words), ended.set())) as it:
        it.begin(address_of(head), SHORT)
        it.refuse_if_silent()
        head.close()
        assert ended.wait(60)
        assert it.lost and heard == ["resume it"]


def test_what_ends_in_order_is_not_ended_by_force(head):
    heard = []
    with HeadWatch(lambda: "resume it", end=heard.append) as it:
        it.begin(address_of(head), Patience(lost=0.05, ends=600.0))
        head.close()
        with pytest.raises(HeadLostError, match="resume it"):
            it.refuse_if_silent()
    assert heard == []


def test_a_head_that_comes_back_is_not_lost(head):
    with HeadWatch(lambda: "", end=pytest.fail) as it:
        it.begin(address_of(head), Patience(lost=600.0))
        where = head.getsockname()
        head.close()
        back = threading.Timer(0.1, lambda: servers.append(socket.create_server(where)))
        servers: list[socket.socket] = []
        back.start()
        it.refuse_if_silent()
        back.join()
        assert not it.lost
        servers[0].close()


def test_a_head_out_of_reach_is_not_watched(head):
    """As through a Ray client: only the cluster itself reaches it."""
    where = address_of(head)
    head.close()
    with HeadWatch(lambda: "", end=pytest.fail) as it:
        it.begin(where, SHORT)
        it.refuse_if_silent()
        assert not it.lost
