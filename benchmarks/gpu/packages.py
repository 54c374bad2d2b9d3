"""The packages of the checks, in the versions of pyproject.toml, from a folder of wheels.

Suitable packages of the machine stay in use. Others go into a separate folder, first on PYTHONPATH,
so the machine's Python stays unchanged.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

NEEDED = (
    "packaging",
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "pydantic",
    "numpy",
    "psutil",
    "bitsandbytes",
    "deepspeed",
)
"""The most important first: `machine` compares versions by `packaging`. Without the last two, only
the checks that use them fail."""


def requirements() -> list[str]:
    """The requirements in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[^\w-]", each)[0]: each for each in project["dependencies"]}
    return [named[name] for name in NEEDED]


def install(wheels: Path, target: Path) -> list[str]:
    """Install missing packages into `target`; returns the unavailable ones, with reasons."""
    found, problem = _missing(requirements(), wheels)
    problems = []
    if problem:
        found = []
        for requirement in requirements():
            more, problem = _missing([requirement], wheels)
            found += [wheel for wheel in more if wheel not in found]
            problems += [f"{requirement} cannot be had: {problem}"] if problem else []
    if found:
        offline = ["--no-index", "--no-deps", "--no-compile", "--target", str(target)]
        _pip("install", "--quiet", *offline, *found).check_returncode()
    return problems


def _missing(wanted: Sequence[str], wheels: Path) -> tuple[list[str], str | None]:
    """The wheels that pip would add to the installed ones, or why it cannot."""
    asked = ["--dry-run", "--quiet", "--report", "-", "--no-index", "--find-links", str(wheels)]
    done = _pip("install", *asked, *wanted)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        return [], (errors or [f"pip ended with exit code {done.returncode}"])[0]
    report: dict[str, Any] = json.loads(done.stdout)
    urls = [each["download_info"]["url"] for each in report["install"]]
    return [url.removeprefix("file://") for url in urls], None


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
