"""Sweeps by the real command, with secrets in their environment, and where those turned up."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from books import PATIENCE, launch_here, sweep_command, write_spec
from short_folder import short_folder

ENVIRONMENT = {
    name: f"planted{number:02d}{name.lower().replace('_', '')}"
    for number, name in enumerate(
        [
            "MLFLOW_TRACKING_USERNAME",
            "MLFLOW_TRACKING_PASSWORD",
            "HF_TOKEN",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "PGPASSWORD",
            "WANDB_API_KEY",
            "OPENAI_API_KEY",
        ]
    )
}
_USER, _PASSWORD = (ENVIRONMENT[f"MLFLOW_TRACKING_{part}"] for part in ("USERNAME", "PASSWORD"))
SECRETS = (
    *ENVIRONMENT.values(),
    base64.b64encode(f"{_USER}:{_PASSWORD}".encode()).decode(),
)


@dataclass(frozen=True)
class Launched:
    """A sweep that the command has run to its end; `ray` is where its own Ray kept its logs."""

    tree: dict
    home: Path
    ray: Path | None
    code: int
    stdout: str
    stderr: str

    def files(self) -> list[Path]:
        """All that it left."""
        folders = [self.home, *([self.ray] if self.ray else [])]
        return [file for folder in folders for file in folder.rglob("*") if file.is_file()]

    def secrets(self) -> list[str]:
        """Every file that it left and that holds a secret, and the terminal where it does."""
        files = self.files()
        assert len(files) > 10, "nothing was written, so nothing was looked at"
        contents = {str(file): file.read_bytes() for file in files}
        contents["printed"] = (self.stdout + self.stderr).encode()
        return [
            f"{secret} in {name}"
            for name, content in contents.items()
            for secret in SECRETS
            if secret.encode() in content
        ]


@contextmanager
def launched(tree: dict, home: Path) -> Iterator[Launched]:
    """The sweep, with a Ray of its own; the Ray's logs are there while the block runs."""
    with short_folder() as ray:
        done = subprocess.run(
            sweep_command("launch", str(write_spec(tree, home)), home=home),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, **ENVIRONMENT, "RAY_TMPDIR": str(ray), "HF_HUB_OFFLINE": "1"},
        )
        yield Launched(tree, home, ray, done.returncode, done.stdout, done.stderr)


def launched_here(tree: dict, home: Path) -> Launched:
    """The sweep by the command in this process, whose environment has the secrets meanwhile."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        done = launch_here(tree, home)
    return Launched(tree, home, None, done.returncode, done.stdout, done.stderr)
