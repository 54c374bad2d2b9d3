"""A sweep's provenance: the commit of its launch folder, which holds the user's spec and scripts,
and the versions of the packages that decide its numbers."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata

from results.records.record import Provenance

PACKAGES = (
    "winnow-sweeps",
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "deepspeed",
    "ray",
    "optuna",
    "mlflow",
    "bitsandbytes",
)


def sweep_provenance(
    seed: int,
    data_fingerprint: str,
    model_fingerprint: str,
    metric_files: Mapping[str, str] | None = None,
    winners: Mapping[str, str] | None = None,
) -> Provenance:
    """Provenance of the whole sweep; trial records add their own seed and device."""
    commit, dirty = git_state()
    return Provenance(
        seed=seed,
        git_commit=commit,
        git_dirty=dirty,
        data_fingerprint=data_fingerprint,
        model_fingerprint=model_fingerprint,
        metric_files=dict(metric_files or {}),
        winners=dict(winners or {}),
        versions={"python": platform.python_version(), **_versions()},
    )


def git_state() -> tuple[str | None, bool | None]:
    """(commit, whether files differ from it) of the current folder; (None, None) outside git."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None, None
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return commit, bool(changes)


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
