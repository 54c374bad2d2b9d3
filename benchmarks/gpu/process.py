"""Runs one check in its own process, and makes a row of its outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu.checks import Check
from benchmarks.gpu.deadline import Deadline
from benchmarks.gpu.row import OK, Row


@dataclass(frozen=True)
class Bench:
    """The setting of checks: `arguments` and environment, a scratch folder, and a common log."""

    scratch: Path
    log: Path
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()


def run(check: Check, deadline: Deadline, bench: Bench) -> Row:
    """Run a check; its row reports even a crash, a hang or a lack of time, and what it has kept."""
    limit = deadline.allows(check.seconds)
    if limit is None:
        return Row(check.name, check.kind, "not run: no time left")
    out = bench.scratch / f"{check.name.replace(' ', '-')}.json"
    work = ("--work", str(bench.scratch), "--out", str(out))
    command = [sys.executable, "-m", check.module, *work, *bench.arguments, *check.arguments]
    began = time.monotonic()
    code, said = _call(command, bench, limit)
    seconds = round(time.monotonic() - began, 1)
    with bench.log.open("a", encoding="utf-8") as log:
        log.write(f"\n== {check.name}: {' '.join(command)}\n{said}")
    found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else None
    if code is None:
        fault = f"not done after {limit:.0f} s"
    elif code != 0 or found is None:
        fault = _reason(code, said)
    else:
        fault = found["fault"]
    figures = found["figures"] if found else {}
    return Row(check.name, check.kind, f"failed: {fault}" if fault else OK, seconds, figures)


def _call(command: list[str], bench: Bench, limit: float) -> tuple[int | None, str]:
    """Exit code, None if it had to be killed, and all output."""
    with subprocess.Popen(
        command,
        env=dict(bench.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=limit)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            _end_session(process.pid)
            return None, process.communicate()[0]
        finally:
            if process.poll() is None:  # this process itself is asked to end
                _end_session(process.pid)


def _end_session(leader: int) -> None:
    """End a whole session, since ninja puts compilers into their own process groups."""
    for entry in Path("/proc").iterdir():
        with suppress(ValueError, ProcessLookupError):  # no process, or just ended
            if os.getsid(int(entry.name)) == leader:
                os.kill(int(entry.name), signal.SIGKILL)


def _reason(code: int, said: str) -> str:
    """The last line, with Python's exception; a signal by its name."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {code}, and nothing said"
