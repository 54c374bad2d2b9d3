"""A server with OpenAI's chat completions on loopback, whose judge is a function of the test."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class JudgeServer:
    """`reply(messages)` gives each reply: a text, or an HTTP status with headers and a body.

    `requests` are the bodies of all requests with their time and Authorization header.
    """

    def __init__(self, reply: Callable[[list], object]) -> None:
        self.reply = reply
        self.requests: list[dict] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    @property
    def asked(self) -> list[str]:
        """The users' messages of all requests."""
        return [each["messages"][-1]["content"] for each in self.requests]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["Content-Length"])
        body = json.loads(handler.rfile.read(length))
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            key, path = handler.headers["Authorization"], handler.path
            self.requests.append({**body, "key": key, "path": path, "time": time.monotonic()})
        try:
            said = self.reply(body["messages"])
        finally:
            with self._lock:
                self.at_once -= 1
        status, headers, content = said if isinstance(said, tuple) else (200, {}, _done(said))
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


def _done(text: object) -> dict:
    message = {"role": "assistant", "content": text}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "judge",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


@contextmanager
def judge_server(reply: Callable[[list], object]) -> Iterator[tuple[JudgeServer, str]]:
    """The server, and its URL as an endpoint."""
    judge = JudgeServer(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            judge.answer(self)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield judge, f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()
