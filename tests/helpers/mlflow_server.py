"""A real MLflow server, and a proxy before it that fails as it is told."""

from __future__ import annotations

import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

from ports import free_port

LOCAL = "127.0.0.1"


class MlflowServer:
    """`mlflow server` on a free port, with SQLite and artifacts in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.start()

    def start(self):
        store = f"sqlite:///{self.folder}/mlflow.db"
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
        command += ["--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"]
        command += ["--host", LOCAL, "--port", str(self.port)]
        log = (self.folder / "server.log").open("a")
        env = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.process = subprocess.Popen(
            command, stdout=log, stderr=log, env=env, start_new_session=True
        )
        log.close()
        self._wait_until_healthy()

    def kill(self):
        """All its processes at once, as when the machine goes down."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _wait_until_healthy(self):
        for _ in range(600):
            try:
                urlopen(f"http://{LOCAL}:{self.port}/health", timeout=5).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.1)
        raise TimeoutError("the MLflow server does not start")


class Proxy:
    """Passes requests on to `port`. `fate` tells what becomes of each.

    It is called with the method, the path and the body, and gives one of

    - "pass",
    - "error": 500, and the server never hears of it,
    - "cut": the server does it, and the client never hears of it,
    - "silent": no answer for as long as the proxy lives,
    - a number: seconds before it is passed on.
    """

    def __init__(self, port):
        self.fate = lambda *request: "pass"
        self.port = free_port()
        self.uri = f"http://{LOCAL}:{self.port}"
        self.requests = 0
        self.closing = threading.Event()
        self._target = port
        self._server = None
        self.open()

    def open(self):
        """Listen."""
        handler = type("Bound", (_Handler,), {"proxy": self})
        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer((LOCAL, self.port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def shut(self):
        """Refuse connections."""
        self._server.shutdown()
        self._server.server_close()

    def forward(self, method, path, body, headers):
        """The server's status, headers and answer."""
        connection = http.client.HTTPConnection(LOCAL, self._target, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content


class _Handler(BaseHTTPRequestHandler):
    """One request for each connection, so that a fate strikes one request."""

    proxy: Proxy

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.proxy.requests += 1
        fate = self.proxy.fate(self.command, self.path, body)
        if fate == "silent":
            self.proxy.closing.wait()
        elif fate == "error":
            self.send_error(500)
        else:
            time.sleep(fate if isinstance(fate, float) else 0)
            answer = self.proxy.forward(self.command, self.path, body, dict(self.headers))
            if fate != "cut":
                self._reply(*answer)

    def _reply(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """The tests' output is for the tests."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - so they are called


def first_of_each(fate):
    """`fate` for the first of all equal requests that change something."""
    seen = set()

    def decide(*request):
        new = request not in seen and request[0] != "GET"
        seen.add(request)
        return fate if new else "pass"

    return decide


def at_random(seed, **shares):
    """Fates in these shares; the rest passes."""
    dice = random.Random(seed)
    fates, weights = [*shares, "pass"], [*shares.values(), 1 - sum(shares.values())]
    return lambda *request: dice.choices(fates, weights)[0]
