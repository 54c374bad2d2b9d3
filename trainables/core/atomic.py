"""Folders that are either whole or absent, however many processes build them at once."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def publish(folder: Path, build: Callable[[Path], None]) -> None:
    """Let `build` fill an empty folder beside `folder`, then move it there in one step.

    If `folder` exists by then, it stays and ours is discarded: all builders of one folder build the
    same.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        build(temporary)
        _move(temporary, folder)
    except OSError as error:
        if error.filename is not None:
            raise
        # A full disk: a write does not name its file, and NumPy only says how much it wrote.
        code = error.errno or errno.ENOSPC
        said = os.strerror(code) if error.errno else f"{os.strerror(code)} ({error})"
        raise OSError(code, said, str(folder)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move(temporary: Path, folder: Path) -> None:
    try:
        os.rename(temporary, folder)  # noqa: PTH104 (Path.replace does not document folders)
    except OSError:
        if not folder.is_dir():
            raise
