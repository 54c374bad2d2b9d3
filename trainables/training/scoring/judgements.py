"""A judge's replies on disk, so that nothing is asked twice; and the pace of requests."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Requests that were answered, with their tokens."""

    requests: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.reply_tokens + other.reply_tokens,
        )


class Judgements:
    """Replies by the hash of what was asked: endpoint, model, options and messages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def asking(self, request: Mapping[str, object]) -> Iterator[None]:
        """Only one thread of this process at a time asks the same."""
        with self._locks[self._file(request).name]:
            yield

    def known(self, request: Mapping[str, object]) -> str | None:
        """The reply to the same request; None if it was never asked, or the file is damaged."""
        with suppress(OSError, ValueError, KeyError):
            return str(json.loads(self._file(request).read_text(encoding="utf-8"))["reply"])
        return None

    def keep(self, request: Mapping[str, object], reply: str, usage: Usage) -> None:
        """Write a reply; other slots may write the same at the same time."""
        file = self._file(request)
        file.parent.mkdir(parents=True, exist_ok=True)
        own = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
        told = {"reply": reply, "tokens": [usage.prompt_tokens, usage.reply_tokens]}
        own.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        own.replace(file)

    def _file(self, request: Mapping[str, object]) -> Path:
        text = json.dumps(request, sort_keys=True, ensure_ascii=False)
        name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / name[:2] / f"{name}.json"


class Pace:
    """At most `per_minute` requests, evenly spaced, of all processes that share the folder."""

    def __init__(self, folder: Path, name: str, per_minute: float | None) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._file = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.pace"

    def wait(self, _request: object = None) -> None:
        """Wait for the turn of the next request."""
        if self._gap:
            time.sleep(max(0.0, self._turn() - time.time()))

    def _turn(self) -> float:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            with suppress(ValueError):
                turn = max(time.time(), float(file.read()) + self._gap)
                file.truncate(0)
                file.write(repr(turn))
                return turn
            file.truncate(0)
            file.write(repr(time.time()))
            return time.time()
