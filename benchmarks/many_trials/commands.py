"""Seconds and memory of the commands that read a sweep of many trials.

    python -m benchmarks.many_trials.commands HOME [--name many]

HOME is a sweep home as benchmarks.many_trials.driver leaves it with `--home`. Each command runs in
a process of its own, as a user would call it; its import of libraries is part of that, and is what
`sweep list` of an empty home takes. `resume` finds nothing left to train, and compares MLflow with
the records. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path


def commands(name: str, folder: Path) -> dict[str, list[str]]:
    """The arguments of each command."""
    return {
        "list": ["list"],
        "status": ["status", name],
        "status --json": ["status", name, "--json"],
        "winners": ["winners", name],
        "winners --json": ["winners", name, "--json"],
        "report": ["report", name, "-o", str(folder / "report.html")],
        "next": ["next", name, "--out", str(folder / "next.yaml")],
        "resume": ["resume", name],
    }


def measured(arguments: Sequence[str], home: Path) -> dict[str, float | str]:
    """Seconds of wall clock and of processor, megabytes at the peak, and lines or the last one."""
    command = [sys.executable, "-m", "sweeps.cli", *arguments, "--home", str(home)]
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        output.seek(0)
        lines = output.read().splitlines()
    found: dict[str, float | str] = {
        "seconds": round(time.monotonic() - begun, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "megabytes": round(used.ru_maxrss / 1024),
        "lines": len(lines),
    }
    code = os.waitstatus_to_exitcode(status)
    return found if code == 0 else {**found, "failed": lines[-1] if lines else str(code)}


def main() -> None:
    """Measure all commands, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--name", default="many")
    parser.add_argument("--only", help="one of the commands")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {
            title: measured(arguments, options.home)
            for title, arguments in commands(options.name, Path(folder)).items()
            if options.only in (None, title)
        }
        with tempfile.TemporaryDirectory() as empty:
            found["list, empty"] = measured(["list"], Path(empty))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
