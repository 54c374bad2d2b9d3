"""Two heads never run one sweep: whoever comes second watches whether the first one is alive."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from sweeps import claim as module
from sweeps.claim import Claim, TakenOverError
from sweeps.errors import SweepError
from trainables.remote_folder import RemoteFolder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.02)
    monkeypatch.setattr(module, "SILENCE", 0.3)
    monkeypatch.setattr(module, "LOOK", 0.01)


@pytest.fixture
def storage(tmp_path) -> RemoteFolder:
    return RemoteFolder((tmp_path / "store").as_uri())


@pytest.fixture
def claim_of(storage, tmp_path):
    """The claim of a head, each of which has a disk of its own."""

    def claim(head: str, token: str = "") -> Claim:
        folder = tmp_path / head / "sweeps" / "toy"
        folder.mkdir(parents=True, exist_ok=True)
        return Claim(storage, folder, token or head)

    return claim


@contextmanager
def alive(claim):
    over = threading.Event()

    def live():
        while not over.wait(0.01):
            claim.renew()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def quietly(text):
    raise AssertionError(f"there is nothing to be told: {text}")


def test_a_sweep_that_nobody_runs_is_had_at_once(claim_of, storage):
    first = claim_of("first")
    first.take(quietly)
    first.give_up()
    claim_of("second").take(quietly)
    assert set(storage.sizes()) == {"heads/toy.json"}


def test_a_head_that_is_alive_keeps_its_sweep(claim_of):
    first, told = claim_of("first"), []
    first.take(quietly)
    with alive(first), pytest.raises(SweepError, match=r"'toy' is running on .*; `sweep stop toy`"):
        claim_of("second").take(told.append)
    assert "Watching for" in told[0]
    first.renew()


def test_a_lost_head_loses_its_sweep_and_hears_of_it_when_it_is_back(claim_of):
    first, second, told = claim_of("first"), claim_of("second"), []
    first.take(quietly)
    second.take(told.append)
    assert told
    module.time.sleep(0.03)
    with pytest.raises(TakenOverError, match="has taken this sweep over"):
        first.renew()
    first.give_up()
    second.renew()


def test_nobody_waits_for_a_process_that_was_killed_on_the_same_head(claim_of):
    claim_of("first", "a process").take(quietly)
    claim_of("first", "the next one").take(quietly)


def test_a_head_that_gives_up_meanwhile_is_not_waited_for(claim_of, monkeypatch):
    first = claim_of("first")
    first.take(quietly)
    monkeypatch.setattr(module, "SILENCE", 60.0)
    claim_of("second").take(lambda text: first.give_up())
