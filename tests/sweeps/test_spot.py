"""The look-out of a spot node, against small servers that speak as the clouds' own do."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from sweeps.spot import Aws, Gcp, Raylet, main, watch

IN_TWO_MINUTES = 120


class Metadata:
    """What the server says: set `warned`, `status` or `tokens` from outside."""

    def __init__(self) -> None:
        self.warned: str | None = None
        self.status = 200
        self.tokens = 0
        self.asked = 0


@contextmanager
def serving(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    metadata: Metadata

    def log_message(self, *_):
        pass

    def answer(self, status, text=""):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def aws():
    """EC2's metadata service, version 2: (its state, its address)."""
    metadata = Metadata()

    class Imds(Handler):
        def do_PUT(self):
            seconds = int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"])
            right = self.path == "/latest/api/token" and 1 <= seconds <= 21600
            metadata.tokens += right
            self.answer(*((200, f"token-{metadata.tokens}") if right else (400,)))

        def do_GET(self):
            metadata.asked += 1
            if self.headers["X-aws-ec2-metadata-token"] != f"token-{metadata.tokens}":
                self.answer(401)
            elif metadata.status != 200:
                self.answer(metadata.status)
            elif self.path != "/latest/meta-data/spot/instance-action" or not metadata.warned:
                self.answer(404)
            else:
                self.answer(200, metadata.warned)

    with serving(Imds) as url:
        yield metadata, url


@pytest.fixture
def gcp():
    metadata = Metadata()

    class Server(Handler):
        def do_GET(self):
            right = self.path == "/computeMetadata/v1/instance/preempted"
            if self.headers["Metadata-Flavor"] != "Google":
                self.answer(403)
            else:
                self.answer(200 if right else 404, metadata.warned or "FALSE")

    with serving(Server) as url:
        yield metadata, url


def action(deadline: float) -> str:
    at = datetime.fromtimestamp(deadline, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"action": "terminate", "time": at})


def test_on_aws_the_time_of_the_warning_is_the_deadline(aws):
    metadata, url = aws
    cloud, deadline = Aws(url), int(time.time()) + IN_TWO_MINUTES
    assert cloud.deadline() is None
    metadata.warned = action(deadline)
    assert cloud.deadline() == deadline
    assert metadata.tokens == 1, "a token is good for six hours"


def test_on_aws_an_expired_token_is_replaced(aws):
    metadata, url = aws
    cloud = Aws(url)
    cloud.deadline()
    metadata.tokens += 1
    with pytest.raises(OSError, match="401"):
        cloud.deadline()
    assert cloud.deadline() is None


def test_on_google_cloud_half_a_minute_is_left(gcp):
    metadata, url = gcp
    assert Gcp(url).deadline() is None
    metadata.warned = "TRUE"
    assert Gcp(url).deadline() == pytest.approx(time.time() + 30, abs=10)


@pytest.fixture
def raylet():
    """A process in the place of one."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"]) as process:
        yield Raylet(psutil.Process(process.pid), "a1", "127.0.0.1:1")
        process.kill()


@pytest.mark.parametrize("status", [500, 503])
def test_a_hiccup_of_the_metadata_server_is_told_once_and_lived_through(
    aws, raylet, monkeypatch, caplog, status
):
    metadata, url = aws
    metadata.status = status
    drained = []
    monkeypatch.setattr("sweeps.spot.drain", lambda *order: drained.append(order))
    deadline = int(time.time()) + IN_TWO_MINUTES

    def recovers():
        while metadata.asked < 5:
            time.sleep(0.01)
        metadata.status, metadata.warned = 200, action(deadline)

    helper = threading.Thread(target=recovers)
    helper.start()
    assert watch(Aws(url), raylet, every=0.01)
    helper.join()
    assert drained == [(raylet, deadline)]
    assert len([line for line in caplog.messages if str(status) in line]) == 1


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"time": "soon"}', '{"time": 3}'])
def test_an_answer_that_makes_no_sense_is_no_warning_and_no_end(aws, raylet, answer):
    metadata, url = aws
    metadata.warned = answer or " "

    def ends():
        while metadata.asked < 3:
            time.sleep(0.01)
        raylet.process.kill()

    threading.Thread(target=ends).start()
    assert not watch(Aws(url), raylet, every=0.01)


def test_a_cluster_that_does_not_answer_is_asked_again(aws, raylet, monkeypatch):
    metadata, url = aws
    metadata.warned = action(time.time() + IN_TWO_MINUTES)
    tries = []

    def drain(*order):
        tries.append(order)
        if len(tries) < 3:
            raise RuntimeError("Ray does not answer")

    monkeypatch.setattr("sweeps.spot.drain", drain)
    assert watch(Aws(url), raylet, every=0.01)
    assert len(tries) == 3


def test_the_watch_ends_with_its_raylet(aws, raylet):
    _, url = aws
    threading.Timer(0.1, raylet.process.kill).start()
    assert not watch(Aws(url), raylet, every=0.01)


def test_without_a_raylet_there_is_nothing_to_watch(caplog):
    assert main(["aws", "--node-id", "none has this"]) == 2
    assert "start Ray first" in caplog.text


def test_it_waits_without_the_heavy_libraries():
    code = "import sys, sweeps.spot; print({'ray', 'torch', 'transformers'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


BUSY = """
import json, sys, time, ray
from ray._private.state import state
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
@ray.remote(num_cpus=1)
class Busy:
    def is_up(self): return True
busy = Busy.remote()
print(ray.get(busy.is_up.remote()), flush=True)
while not (nodes := state.get_draining_nodes()):
    time.sleep(0.1)
print(json.dumps(nodes))
"""
"""Keeps the cluster's only core busy, since Ray ends an idle node that it drains, and looks on."""


@pytest.mark.cluster
def test_a_node_that_is_warned_is_drained_by_its_deadline_and_watched_once(aws, nodes):
    metadata, url = aws
    node = nodes.add_node(num_cpus=1, object_store_memory=10**8)
    look_out = [sys.executable, "-m", "sweeps.spot", "aws", "--metadata", url]
    look_out += ["--node-id", node.node_id]
    with (
        running([sys.executable, "-c", BUSY, nodes.address]) as busy,
        running(look_out) as watching,
    ):
        assert busy.stdout.readline() == "True\n"
        while not metadata.asked:
            assert watching.poll() is None
            time.sleep(0.05)
        again = subprocess.run(look_out, capture_output=True, text=True, timeout=60)
        assert again.returncode == 0 and "another process watches" in again.stderr
        assert watching.poll() is None
        deadline = int(time.time()) + IN_TWO_MINUTES
        metadata.warned = action(deadline)
        assert watching.wait(timeout=120) == 0
        assert json.loads(busy.stdout.readline()) == {node.node_id: 1000 * deadline}


@contextmanager
def running(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
