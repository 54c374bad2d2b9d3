"""A hub on loopback, as far as uploading asks one: it creates repositories and takes commits."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Uploads:
    """What the hub has been given; `refuses` is the status with which it answers commits."""

    address: str = ""
    created: list[dict] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    message: str = ""
    tokens: set[str | None] = field(default_factory=set)
    refuses: int | None = None


@contextmanager
def hub_for_uploads() -> Iterator[Uploads]:
    """The hub; its address is for HF_ENDPOINT."""
    hub = Uploads()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._say({"name": "someone", "sha": "a" * 40, "id": "someone/model", "siblings": []})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hub.tokens.add(self.headers["Authorization"])
            if self.path.endswith("/repos/create"):
                hub.created.append(json.loads(body))
                self._say({"url": f"{hub.address}/someone/model"})
            elif "/preupload/" in self.path:
                files = [file["path"] for file in json.loads(body)["files"]]
                self._say(
                    {
                        "files": [
                            {"path": path, "uploadMode": "regular", "shouldIgnore": False}
                            for path in files
                        ]
                    }
                )
            elif "/commit/" in self.path:
                self._commit(body)
            else:
                self._say({})

        def _commit(self, body: bytes) -> None:
            if hub.refuses is not None:
                self._say({"error": "no"}, hub.refuses)
                return
            for line in body.splitlines():
                part = json.loads(line)
                if part["key"] == "header":
                    hub.message = part["value"]["summary"]
                else:
                    hub.files[part["value"]["path"]] = base64.b64decode(part["value"]["content"])
            url = f"{hub.address}/someone/model/commit/{'b' * 40}"
            self._say({"commitUrl": url, "commitOid": "b" * 40, "pullRequestUrl": None})

        def _say(self, tree: object, status: int = 200) -> None:
            content = json.dumps(tree).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
