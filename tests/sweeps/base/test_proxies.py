"""A proxy that is set for the world stands not between the parts of a sweep."""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import requests

from results.mlflow.server import check_server
from results.mlflow.tracking_error import TrackingError
from sweeps.base.proxies import EXCEPT, PROXIES, direct, host_of, spare

DEAD = "http://127.0.0.1:9"


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()


@pytest.fixture
def environment(monkeypatch):
    for name in (*PROXIES, *map(str.upper, PROXIES), *EXCEPT):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("names", [["http_proxy"], ["HTTP_PROXY", "HTTPS_PROXY"], ["ALL_PROXY"]])
@pytest.mark.parametrize("excepted", [None, "intranet.example, .corp"])
def test_this_machine_is_reached_without_a_proxy(server, environment, names, excepted):
    for name in names:
        environment.setenv(name, DEAD)
    if excepted:
        environment.setenv("NO_PROXY", excepted)
    before = dict(os.environ)
    with pytest.raises(requests.ConnectionError):
        requests.get(server, timeout=5)
    with direct():
        assert requests.get(server, timeout=5).text == "hello"
        assert urlopen(server, timeout=5).read() == b"hello"
        spared = os.environ["no_proxy"].split(",")
        assert os.environ["NO_PROXY"].split(",") == spared
        assert {"intranet.example", ".corp"} <= set(spared) if excepted else True
    assert dict(os.environ) == before


def test_the_nodes_of_a_cluster_are_reached_without_a_proxy_and_others_are_not(environment):
    environment.setenv("http_proxy", DEAD)
    with direct(["head.example"]):
        spare(["10.0.0.7"])
        for url in ("http://head.example:8265", "http://10.0.0.7:8265/api"):
            assert not requests.utils.get_environ_proxies(url)
        assert requests.utils.get_environ_proxies("http://hub.example")["http"] == DEAD


def test_without_proxies_nothing_changes(environment):
    before = dict(os.environ)
    with direct(["head"]):
        assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("ray://head:10001", "head"),
        ("10.0.0.1:6379", "10.0.0.1"),
        ("http://user:x@head.example:8265/path", "head.example"),
        ("http://head", "head"),
        ("http://[::1]:8265", "::1"),
    ],
)
def test_the_host_of_an_address(address, host):
    assert host_of(address) == host


def test_a_server_here_that_is_down_is_found_out_in_spite_of_a_proxy(environment):
    environment.setenv("http_proxy", DEAD)
    check_server("http://127.0.0.1:9")  # may be reached by the proxy only
    with direct(), pytest.raises(TrackingError, match="cannot reach"):
        check_server("http://127.0.0.1:9")
    with pytest.raises(URLError):
        urlopen("http://127.0.0.1:9", timeout=5)
