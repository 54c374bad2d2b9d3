"""What of a sweep is sent to a cluster: its spec, and the files that it names by relative paths."""

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
from sweeps.spec.checks import is_whole, named_files
from sweeps.spec.spec import SweepSpec

MOST = 200 * 2**20
"""Bytes that are sent. More belongs on storage that all nodes see."""

SPEC = "sweep.yaml"

SENT = "sent"
"""The folder of a sweep home in which each launch's files have one of their own."""

_FOR = ".sweep"
"""A file beside what was sent: the folder of the sweep that it is for."""

_KEPT = 86400.0
"""Seconds for which there is left what was sent for a sweep that does not begin."""


def pack(spec: SweepSpec, folder: Path) -> None:
    """Put all that is to be sent into `folder`, at the paths that the spec names.

    LaunchError where that is too much, or lies outside of the current folder.
    """
    total = 0
    for place, path in _relative(spec):
        if ".." in path.parts:
            raise LaunchError(
                f"{place}: {path} lies outside of the current folder and cannot be sent; start "
                "from a folder above it, or name it by its whole path on the cluster"
            )
        total += sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
        if total > MOST:
            raise LaunchError(
                f"{place}: with {path} more than {MOST >> 20} MiB would be sent; put it on storage "
                "that all nodes of the cluster see, and name it by its whole path there"
            )
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, target)
    (folder / SPEC).write_text(spec.text(), encoding="utf-8")


def settle(folder: SweepFolder) -> None:
    """Keep what was sent, in the current folder, for the sweep in `folder` that is to be launched;
    what was sent before for sweeps that are no more, or never were, is deleted.
    """
    here = Path.cwd()
    if here.parent.name != SENT:
        return
    (here / _FOR).write_text(str(folder.path), encoding="utf-8")
    for sent in here.parent.iterdir():
        with suppress(FileNotFoundError):  # another launch is at it, or none noted for what it is
            if sent.stat().st_mtime < time.time() - _KEPT and not _is_needed(sent):
                shutil.rmtree(sent, ignore_errors=True)


def _is_needed(sent: Path) -> bool:
    sweep = SweepFolder(Path((sent / _FOR).read_text(encoding="utf-8")))
    try:
        return sweep.store.sweep().folder == str(sent)
    except RecordError:
        return sweep.books.exists()  # a sweep that cannot be read may need it


def _relative(spec: SweepSpec) -> Iterator[tuple[str, Path]]:
    own = at(spec.tree, "slots.deepspeed.config")
    settings = [("slots.deepspeed.config", own)] if isinstance(own, str) else []
    for place, name in (*named_files(spec.trial), *settings):
        if not is_whole(name):
            yield place, Path(name)
