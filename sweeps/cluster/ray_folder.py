"""The folder of a Ray started here: short enough for its sockets, whatever TMPDIR says."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sweeps.base.errors import LaunchError

VARIABLES = ("RAY_TMPDIR", "TMPDIR")
"""Where Ray looks, in this order; its own default is /tmp."""

_LONGEST_SOCKET = 107
"""Bytes of a socket's path that Linux takes."""

_BELOW = len("/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store.1")
"""Bytes that Ray adds."""

LONGEST = _LONGEST_SOCKET - _BELOW
"""Bytes of a folder that leaves room for Ray's sockets."""

_PLACES = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))


def too_long(environment: Mapping[str, str] = os.environ) -> str | None:
    """The variable that makes Ray's sockets too long, if any."""
    name = next((each for each in VARIABLES if each in environment), None)
    return name if name and len(os.fsencode(environment[name])) > LONGEST else None


def short_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """A folder of this user for Ray instead of one that is too long; None if none is needed.

    LaunchError if there is no place for it.
    """
    name = too_long(environment)
    if name is None:
        return None
    for place in _PLACES:
        folder = place / f"ray-{os.getuid()}"
        if _is_ours(folder):
            return folder
    raise LaunchError(
        f"{name}: {environment[name]} is too long for Ray's sockets ({LONGEST} bytes at most), and "
        f"there is no other place; set RAY_TMPDIR to a shorter folder"
    )


def remark(environment: Mapping[str, str] = os.environ) -> list[str]:
    """What to say of the folder used instead, if any."""
    folder = short_folder(environment)
    if folder is None:
        return []
    return [f"{too_long(environment)} is too long for Ray's sockets; its files are in {folder}"]


def _is_ours(folder: Path) -> bool:
    """Whether the folder is there, or made now, and nobody else can replace what is in it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    shut = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and shut
