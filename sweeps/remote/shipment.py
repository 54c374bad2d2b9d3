"""Files sent to a cluster for a sweep: its spec, and the files with relative paths in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from results.records.record_error import RecordError
from search_spaces.dotted import at
from sweeps.base.errors import LaunchError
from sweeps.home.home import SweepFolder
from sweeps.spec.checks.files import is_whole, named_files
from sweeps.spec.spec import SweepSpec

MOST = 200 * 2**20
"""Maximum number of bytes sent. More belongs on storage shared by all nodes."""

SPEC = "sweep.yaml"

SENT = "sent"
"""The folder of a sweep home with one folder of files for each launch."""

_FOR = ".sweep"
"""A file beside the sent ones, with the folder of their sweep."""

_KEPT = 86400.0
"""Seconds for which the sent files of a sweep that never starts are kept."""


def pack(spec: SweepSpec, folder: Path) -> None:
    """Copy all files to send into `folder`, at their paths in the spec.

    LaunchError if they are too large or outside the current folder.
    """
    total = 0
    for place, path in _relative(spec):
        if ".." in path.parts:
            raise LaunchError(
                f"{place}: {path} is outside the current folder and cannot be sent; start from a "
                "parent folder, or give its absolute path on the cluster"
            )
        total += sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
        if total > MOST:
            raise LaunchError(
                f"{place}: the files to send exceed {MOST >> 20} MiB with {path}; put it on "
                "storage shared by all nodes of the cluster, and give its absolute path there"
            )
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, target)
    (folder / SPEC).write_text(spec.text(), encoding="utf-8")


def settle(folder: SweepFolder) -> None:
    """Keep the sent files in the current folder for the sweep to be launched in `folder`; delete
    the sent files of sweeps that no longer exist or never started.
    """
    here = Path.cwd()
    if here.parent.name != SENT:
        return
    (here / _FOR).write_text(str(folder.path), encoding="utf-8")
    for sent in here.parent.iterdir():
        with suppress(FileNotFoundError):  # another launch deletes it, or no sweep is noted
            if sent.stat().st_mtime < time.time() - _KEPT and not _is_needed(sent):
                shutil.rmtree(sent, ignore_errors=True)


def _is_needed(sent: Path) -> bool:
    sweep = SweepFolder(Path((sent / _FOR).read_text(encoding="utf-8")))
    try:
        return sweep.store.sweep().folder == str(sent)
    except RecordError:
        return sweep.books.exists()  # an unreadable sweep may need it


def _relative(spec: SweepSpec) -> Iterator[tuple[str, Path]]:
    own = at(spec.tree, "slots.deepspeed.config")
    settings = [("slots.deepspeed.config", own)] if isinstance(own, str) else []
    for place, name in (*named_files(spec.trial), *settings):
        if not is_whole(name):
            yield place, Path(name)
