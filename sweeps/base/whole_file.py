"""Files that are either whole or as they were."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> Path:
    """Write or replace the file; returns its path. An OSError names it."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        error.filename = str(path)  # not the draft; and "disk full" has no file name
        raise
    finally:
        draft.unlink(missing_ok=True)
    return path
