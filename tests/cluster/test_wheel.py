"""What a user has who installs the wheel and no checkout: an environment, and its recipes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster

CODE = Path(__file__).parents[2]
PARTS = ("sweeps", "search_spaces", "trainables", "results")
LITTLE = ("budget.trials=2", "budget.tokens=4000", "budget.evaluations=2")


def run(*command: str | Path, **options) -> str:
    """What the command prints; without this checkout, and with Python's files beside it."""
    gone = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if name not in gone}
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=["empty", pytest.param("beside", marks=pytest.mark.ci)])
def programs(request, tmp_path) -> Path:
    """Where the programs of an environment are that has the wheel and what it needs.

    Installed into an empty one; or found beside those of the tests, where the gigabytes of an
    empty one were installed before for the quickstart, as in CI.
    """
    folder = tmp_path / "wheel"
    copy = folder / "copy"  # setuptools leaves its drafts beside the sources
    ignored = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        shutil.copytree(CODE / part, copy / part, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CODE / name, copy)
    run(sys.executable, "-m", "venv", folder / "env")
    programs = folder / "env" / "bin"
    pip = (programs / "pip", "-qq", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, copy)
    shutil.rmtree(copy)
    (wheel,) = folder.glob("*.whl")
    if request.param == "empty":
        constraints = ("--constraint", CODE / "constraints.txt")
        run(*pip, "install", "--no-compile", *constraints, wheel)
    else:
        run(*pip, "install", "--no-deps", wheel)
        (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
        (packages / "beside.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def test_a_recipe_of_the_wheel_runs_outside_of_a_checkout(programs, tmp_path):
    where = "import sweeps; print(sweeps.__path__[0])"
    package = Path(run(programs / "python", "-c", where, cwd=tmp_path).strip())
    assert package.is_relative_to(programs.parent)
    home = tmp_path / ".winnow"
    built = CODE / ".winnow" / "cache"
    if built.is_dir():  # by `make quickstart`, in the minute that this takes
        shutil.copytree(built, home / "cache")
    recipe = package / "recipes" / "quickstart.yaml"
    changes = [word for change in LITTLE for word in ("--set", change)]
    printed = run(programs / "sweep", "launch", recipe, *changes, cwd=tmp_path)
    assert "quickstart: the best of 2 trials" in printed
    assert (home / "sweeps" / "quickstart" / "sweep.json").is_file()
    assert "quickstart  complete" in " ".join(
        run(programs / "sweep", "list", cwd=tmp_path).split("\n")
    )
