"""What Ray's job client does, at once and on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from sweeps.remote import job as remote


class JobServer:
    """Runs what it is given in a shell of its own, and tells its output in pieces of `piece`
    characters. `program` is the `sweep` that it finds first."""

    piece = 20_000

    def __init__(self, folder: Path, program: str, environment: Mapping[str, str]) -> None:
        file = folder / "bin" / "sweep"
        file.parent.mkdir()
        file.write_text(program)
        file.chmod(0o755)
        self.environment = {**environment, "PATH": f"{file.parent}:{environment['PATH']}"}

    def run(self, entrypoint: str, cwd: object, **streams: object) -> None:
        command = ["bash", "-c", entrypoint]
        self.done = subprocess.run(
            command,
            env=self.environment,
            cwd=cwd,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            **streams,
        )

    async def tail_job_logs(self, job: str) -> AsyncIterator[str]:
        for start in range(0, len(self.done.stdout), self.piece):
            yield self.done.stdout[start : start + self.piece]

    def get_job_info(self, job: str) -> SimpleNamespace:
        status = SimpleNamespace(is_terminal=lambda: True)
        return SimpleNamespace(status=status, driver_exit_code=self.done.returncode)


def connect_to(server: JobServer, monkeypatch) -> None:
    """Let commands on a cluster find this server."""

    @contextmanager
    def connected(cluster, address):
        yield server

    monkeypatch.setattr(remote, "connected", connected)
