"""`reproduce.sh` and its pinned requirements."""

from __future__ import annotations

from collections.abc import Mapping

from results.export.exported import Exported

PACKAGE = "winnow-sweeps"


def requirements(model: Exported) -> str:
    """The versions that the trial was trained with, for pip."""
    pins = [
        f"{name}=={version.partition('+')[0]}"  # builds of torch are named +cpu and the like
        for name, version in _versions(model).items()
        if name not in ("python", PACKAGE)
    ]
    return "\n".join(sorted(pins)) + "\n"


def reproduce_script(model: Exported) -> str:
    """A shell script that trains the trial again."""
    versions = _versions(model)
    minor = ".".join(versions.get("python", "3.11").split(".")[:2])
    own = f"{PACKAGE}=={versions[PACKAGE]}" if PACKAGE in versions else PACKAGE
    loss = model.measured.metrics.get("eval_loss")
    reached = f"# It reached eval_loss {loss:.6f}.\n" if loss is not None else ""
    return f"""#!/bin/sh
# Trains {model.trial.called} of sweep {model.sweep.name} again, with the versions of then.
{reached}#
#   sh reproduce.sh [FOLDER]
#
# FOLDER is the one that the paths in trial.yaml start at (default: the current one).
# WINNOW names a wheel or a folder of {PACKAGE} if no package index has that version.
# SWEEP names an installed `sweep` command, with which nothing is installed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${{SWEEP:-}}" ]; then
    python{minor} -m venv "$here/.venv"
    "$here/.venv/bin/python" -m pip install -r "$here/requirements.txt" "${{WINNOW:-{own}}}"
    SWEEP="$here/.venv/bin/sweep"
fi
cd "${{1:-.}}"
exec "$SWEEP" launch "$here/trial.yaml"
"""


def _versions(model: Exported) -> Mapping[str, str]:
    return model.trial.provenance.versions if model.trial.provenance else {}
