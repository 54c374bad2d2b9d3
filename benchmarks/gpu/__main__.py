"""Runs the checks one by one: python -m benchmarks.gpu [OUT] [--wheels FOLDER] [--tiny]"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gpu import document, packages
from benchmarks.gpu.checks import SUITES, Check, checks
from benchmarks.gpu.deadline import Deadline
from benchmarks.gpu.process import Bench, run
from benchmarks.gpu.row import Row

QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "PYTHONUNBUFFERED": "1",
}

ON_CPU = {"CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}


def main() -> int:
    """Run the checks; exit code 0 if all ran and nothing was wrong."""
    options = _options()
    chosen = _chosen(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
    deadline = Deadline(60 * options.minutes)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as folder:
        scratch = Path(folder)
        problems = packages.install(options.wheels, scratch / "site") if options.wheels else []
        environment = _environment(scratch / "site", options.tiny)
        machine = _machine(environment, problems, options.tiny)
        if machine["card"] == "none" and not options.tiny:
            print("torch sees no GPU here; nvidia-smi says whether its driver runs, and --tiny")
            print("rehearses the checks on a CPU")
            return 1
        log = options.out / "log.txt"
        log.write_text("", encoding="utf-8")
        arguments = ("--tiny",) if options.tiny else ()
        bench = Bench(scratch, log, environment, arguments)
        rows: list[Row] = []
        for check in chosen:
            rows.append(_row(check, deadline, bench, machine))
            document.write(options.out, machine, rows)
            print(f"{check.name}: {rows[-1].result} ({rows[-1].seconds:g} s)", flush=True)
    print((options.out / f"{document.NAME}.md").read_text(encoding="utf-8"))
    return 0 if all(row.ok for row in rows) else 1


def _chosen(options: argparse.Namespace) -> list[Check]:
    """All checks, or those selected by name or kind; always with the model, which all need."""
    found = checks(options.tiny, options.suite)
    known = {name for check in found for name in (check.name, check.kind)}
    wanted = {"model", *options.only} if options.only else known
    if strange := wanted - known:
        sys.exit(f"--only {', '.join(sorted(strange))}: there are {', '.join(sorted(known))}")
    return [check for check in found if wanted & {check.name, check.kind}]


def _row(check: Check, deadline: Deadline, bench: Bench, machine: Mapping[str, Any]) -> Row:
    absent = [name for name in check.needs if machine[name] is None]
    if absent:
        why = next((note for note in machine["notes"] if note.startswith(absent[0])), "")
        return Row(check.name, check.kind, f"not run: {why or f'{absent[0]} is missing'}")
    return run(check, deadline, bench)


def _machine(environment: Mapping[str, str], problems: list[str], tiny: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.gpu.machine"]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr}\ntorch and packaging are needed: see benchmarks/gpu/README.md")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    rehearsal = ["a rehearsal with a tiny model: no figure says anything"] if tiny else []
    return {**found, "notes": [*rehearsal, *problems, *found["notes"]]}


def _environment(site: Path, tiny: bool) -> dict[str, str]:
    places = {"PYTHONPATH": (packages.ROOT, site), "PATH": (site / "bin",)}
    # DeepSpeed compiles there; a check killed meanwhile would leave a lock behind.
    extensions = {"TORCH_EXTENSIONS_DIR": str(site.with_name("extensions"))}
    first = {
        name: os.pathsep.join([*map(str, own), os.environ.get(name, "")])
        for name, own in places.items()
    }
    return {**extensions, **os.environ, **QUIET, **first, **(ON_CPU if tiny else {})}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="check.sh", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("gpu-check"))
    parser.add_argument("--suite", choices=[*SUITES], default="check", help=argparse.SUPPRESS)
    parser.add_argument("--wheels", type=Path, help="a folder that wheels.sh has filled")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all checks together")
    parser.add_argument("--only", nargs="+", metavar="CHECK", help="these, and no others")
    parser.add_argument("--tiny", action="store_true", help="rehearse with a tiny model on a CPU")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
