"""The folder of an export: whole or absent."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sweeps.base.errors import SweepError


def refuse_if_taken(to: Path) -> None:
    """SweepError if there is something at the destination; an empty folder is nothing."""
    if to.is_dir() and not any(to.iterdir()):
        return
    if to.exists() or to.is_symlink():
        raise SweepError(f"--to: {to} exists already; choose another folder, or move it away")


def refuse_if_full(to: Path, wanted: int) -> None:
    """SweepError if the destination's disk has less room than the export takes."""
    there = next(folder for folder in (to, *to.parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if free < wanted:
        sizes = f"needs {wanted / 1e9:,.2f} GB, but {there} has {free / 1e9:,.2f} GB free"
        raise SweepError(f"--to: the export {sizes}; choose a folder on another disk")


@contextmanager
def written(to: Path) -> Iterator[Path]:
    """An empty folder beside `to`, which becomes `to` if the block succeeds, and vanishes if not.

    The error of a full disk names the destination, whichever library raised it.
    """
    made = [folder for folder in to.parents if not folder.exists()]
    to.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.parent))
    try:
        draft.chmod(0o755)
        yield draft
        refuse_if_taken(to)
        for file in draft.rglob("*"):  # safetensors hides its files from other users
            if file.is_file():
                file.chmod(0o644)
        os.rename(draft, to)  # noqa: PTH104 (Path.rename does not document folders)
    except Exception as error:
        if number := _full(error):
            raise OSError(number, os.strerror(number), str(to)) from error
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        for folder in () if to.exists() else made:
            with suppress(OSError):  # another command has put something there
                folder.rmdir()


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a full quota, a limit on the size of a file."""


def _full(error: Exception) -> int | None:
    """The system's number for the missing room; safetensors has it only in words."""
    if isinstance(error, OSError):
        return error.errno if error.errno in _NO_ROOM else None
    return next((number for number in _NO_ROOM if f"os error {number}" in str(error)), None)
