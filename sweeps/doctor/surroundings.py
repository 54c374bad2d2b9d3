"""Checks of what surrounds a sweep: temporary folder, proxies, locks of the home's file system."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sweeps.base.errors import LaunchError
from sweeps.base.proxies import proxies
from sweeps.cluster.ray_folder import LONGEST, remark
from sweeps.home.locks import WAY_OUT, lack_of_locks
from sweeps.preflight.finding import Finding, note, ok, wrong


def check_ray_folder(environment: Mapping[str, str] = os.environ) -> Finding:
    """Whether Ray's sockets fit below TMPDIR or RAY_TMPDIR."""
    try:
        remarks = remark(environment)
    except LaunchError as error:
        return wrong("ray files", str(error))
    for text in remarks:
        return note("ray files", text, f"set RAY_TMPDIR to a folder of at most {LONGEST} bytes")
    return ok("ray files", "Ray's sockets fit into its temporary folder")


def check_proxies(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """The proxies in the environment; nothing without them."""
    if not (found := proxies(environment)):
        return []
    message = (
        f"{', '.join(found)}: not used for this machine and a cluster's nodes, whatever NO_PROXY "
        "says; downloads, MLflow and storage elsewhere go through it"
    )
    return [ok("proxy", message)]


def check_locks(home: Path) -> list[Finding]:
    """Whether the home's file system has the locks that a sweep and SQLite need."""
    try:
        why = lack_of_locks(home)
    except OSError:
        return []  # check_disk reports it
    if why:
        return [wrong("locks", why, WAY_OUT)]
    return [ok("locks", "files in the sweep home can be locked")]
