"""An export loaded and measured by a process that knows nothing of the trial but its files.

    python -m sweeps.export.fresh_process REQUEST ANSWER

loads the export as its model card says, and writes its metrics, or the error, as JSON.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sweeps.base.errors import SweepError
from trainables.config.trial import TrialConfig
from trainables.core.data_error import said
from trainables.training.inputs import Inputs


@dataclass(frozen=True)
class Request:
    """An export's folder, the code that loads it, and the trial whose validation set it is for."""

    folder: Path
    code: str
    config: TrialConfig
    inputs: Inputs


def measured_afresh(request: Request) -> dict[str, float]:
    """The export's metrics on the validation set; SweepError if it cannot be loaded."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "request", Path(folder) / "answer"
        asked.write_bytes(pickle.dumps(request))
        command = [sys.executable, "-P", "-m", __name__, str(asked), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = json.loads(answer.read_text()) if answer.exists() else {}
    if "metrics" not in found:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        why = found.get("error") or f"its process ended with code {done.returncode}: {last}"
        raise SweepError(
            f"the export was not written, since transformers and PEFT alone cannot load it: {why}"
        )
    return {name: float(value) for name, value in found["metrics"].items()}


def main(asked: Path, answer: Path) -> None:
    """Load and measure; the answer holds `metrics` or `error`."""
    request: Request = pickle.loads(asked.read_bytes())
    try:
        found: dict[str, object] = {"metrics": metrics_of(request)}
    except Exception as error:  # noqa: BLE001 (the process's edge: loading can raise anything)
        found = {"error": said(error)}
    answer.write_text(json.dumps(found))


def metrics_of(request: Request) -> dict[str, float]:
    """Load the export as its card says, and measure it in this process."""
    names: dict[str, object] = {"folder": str(request.folder)}
    exec(request.code, names)
    from trainables.training.outside import scores_of

    return dict(scores_of(names["model"], request.config, request.inputs).metrics)


if __name__ == "__main__":
    # Unpickling looks the request's class up under the module's own name.
    from sweeps.export.fresh_process import main as run

    run(*map(Path, sys.argv[1:]))
