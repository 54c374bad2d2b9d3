"""The report of a running sweep, served on loopback and rendered again as records come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from results.records.record_error import RecordError
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder
from sweeps.page.page import render
from sweeps.verdict.results import Results

HOST = "127.0.0.1"

REFRESH = 15
"""Seconds after which an open page of a running sweep reloads itself."""

_YOUNG = 5.0
"""Age in seconds below which a rendered page is shown again: rendering takes a second or two."""


class LiveReport:
    """The latest page of a sweep. Any thread may ask for it."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._page = b""
        self._at = -_YOUNG

    def page(self) -> bytes:
        """The page, rendered anew unless it is young; RecordError if a record is unreadable."""
        with self._lock:
            if time.monotonic() - self._at >= _YOUNG:
                self._page = render(Results.read(self._folder), REFRESH).encode()
                self._at = time.monotonic()
            return self._page


def serve(folder: SweepFolder, port: int, say: Callable[[str], None]) -> None:
    """Serve the report until Ctrl-C; SweepError if the port is taken. Port 0: any free one."""
    try:
        server = ThreadingHTTPServer((HOST, port), handler(LiveReport(folder)))
    except OSError as error:
        raise SweepError(
            f"--port: port {port} of this machine is not available ({error.strerror}); "
            "choose another"
        ) from error
    with server:
        say(f"http://{HOST}:{server.server_address[1]}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def handler(report: LiveReport) -> type[BaseHTTPRequestHandler]:
    """The handler of a server that has this one page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A page of another site may not read ours by a name that leads to this machine.
            host = self.headers.get("Host", "").rpartition(":")[0]
            if host not in (HOST, "localhost"):
                self.send_error(403)
            elif self.path != "/":
                self.send_error(404)
            else:
                self._answer()

        def _answer(self) -> None:
            try:
                page = report.page()
            except (RecordError, OSError) as error:
                self.send_error(500, explain=str(error))
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *values: object) -> None:
            """No line for each request in the user's terminal."""

    return Handler
