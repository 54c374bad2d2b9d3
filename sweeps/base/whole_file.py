"""Files that are either whole or as they were."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> Path:
    """Write or replace the file; returns its path. An OSError names it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # "disk full" has no file name
        raise
    finally:
        draft.unlink(missing_ok=True)
    return path
