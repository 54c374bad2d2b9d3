"""What is in the environment of a sweep is not in anything that it writes or prints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from books import sweep_here, write_spec
from planted import ENVIRONMENT, SECRETS, launched
from spec_samples import toy_tree

pytestmark = pytest.mark.endtoend


@contextmanager
def locked_server() -> Iterator[str]:
    """A tracking server that lets nobody in."""

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b"wrong password")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *words): ...

    with HTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_tracking_server_that_refuses_is_named_and_no_password_is(tmp_path):
    with locked_server() as uri, launched(toy_tree(tracking={"uri": uri}), tmp_path) as sweep:
        assert sweep.code == 2 and uri in sweep.stderr and "401" in sweep.stderr, sweep.stderr
        assert [file.name for file in sweep.files()] == ["toy.yaml"], "nothing else is written"
        assert not [secret for secret in SECRETS if secret in sweep.stdout + sweep.stderr]


def test_a_password_in_the_spec_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    password, home = "plantedinthespec", tmp_path / "home"
    tree = toy_tree(tracking={"uri": f"postgresql://me:{password}@localhost/mlflow"})
    done = sweep_here("launch", str(write_spec(tree, tmp_path)), home=home)
    printed = done.stdout + done.stderr
    assert done.returncode == 2 and "PGPASSWORD" in printed
    assert not [secret for secret in (*SECRETS, password) if secret in printed]
    assert not home.exists()
