"""A sweep's folder for tests of its mirror, and another head that takes the sweep over."""

from __future__ import annotations

from waiting import wait_until

from sweeps.storage.claim import Claim
from sweeps.storage.mirror import Mirror
from trainables.storage.remote_folder import RemoteFolder

OTHERS = b'{"token": "x", "host": "other", "beat": 1}'
"""The sign of life of another head."""

OWN = {
    "sweep.json",
    "report.html",
    "trials/0000/record.json",
    "optuna.journal",
    "requests/1.json",
}


def mirror_of(folder, remote, *tell) -> Mirror:
    storage = RemoteFolder(remote.uri)
    return Mirror(folder, remote, Claim(storage, folder), *tell)


def taken_over(mirror):
    """Another head's heartbeat, at a moment in which this one is not between its look and its own;
    else its own might cover the other's."""
    with mirror.claim._lock:
        RemoteFolder(mirror.remote.uri).write("heads/toy.json", OTHERS)


def look_again(mirror, monkeypatch):
    """Wait until the mirror has ended a round that begins now or later."""
    ended = []
    round_ = mirror._round

    def counted(**options):
        try:
            return round_(**options)
        finally:
            ended.append(1)

    monkeypatch.setattr(mirror, "_round", counted)
    wait_until(lambda: ended)


def put(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def files(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
