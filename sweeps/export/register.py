"""A trial's model in MLflow's registry: exported, checked, stored and registered."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from results.mlflow.registration import Target
from results.mlflow.registration import register as store
from results.mlflow.tracking_error import TrackingError
from results.records.record import TrialRecord
from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.export.export import Done, export
from sweeps.export.wish import Dtype, Wish
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.models.choice import chosen
from sweeps.spec.settings import TrackingSettings
from sweeps.spec.tracking_place import tracking_place
from sweeps.spec.yaml_file import read_yaml
from trainables.core.progress import NO_PROGRESS, Progress


@dataclass(frozen=True)
class Registered:
    """A new version of a registered model, and the export in it."""

    target: Target
    version: str
    done: Done


def register(
    name: str,
    home: SweepHome,
    target: str,
    trial_number: int | None = None,
    merge: bool = False,
    dtype: Dtype | None = None,
    progress: Progress = NO_PROGRESS,
) -> Registered:
    """Register a trial's model, exported as for `Wish`, as `NAME` or `NAME@alias`.

    SweepError if MLflow does not answer or has no run of the trial; and as in `export`.
    """
    place = _target(target)
    folder = home.existing(name)
    trial = chosen(folder, trial_number).record
    run_id, uri = _run_of(folder, home, trial), tracking_uri(folder, home)
    if trial.config.get("objective") == "reward":
        raise SweepError(
            "a reward model rates a question with its answer, for which MLflow has no flavour; "
            "use `sweep export`"
        )
    # Beside the sweeps: the system's folder for temporary files may be small.
    with tempfile.TemporaryDirectory(prefix=".register.", dir=home.path) as scratch:
        wish = Wish(Path(scratch) / "model", trial_number, merge, dtype)
        done = export(name, home, wish, progress)
        facts = {"code": done.model.loading, "objective": done.model.objective}
        (done.folder / "loading.json").write_text(json.dumps(facts), encoding="utf-8")
        pins = (done.folder / "requirements.txt").read_text(encoding="utf-8").split()
        try:
            with progress.phase("storing the model in MLflow"), quiet():
                version = store(uri, run_id, place, done.folder, pins, _tags(done, trial))
        except TrackingError as error:
            raise SweepError(f"nothing was registered: {error}") from error
    return Registered(place, version, done)


def _target(text: str) -> Target:
    try:
        return Target.parse(text)
    except ValueError as error:
        raise SweepError(f"--as: {error}") from error


def _run_of(folder: SweepFolder, home: SweepHome, trial: TrialRecord) -> str:
    if trial.run_id is None:
        name = folder.path.name
        raise SweepError(
            f"{trial.called} of sweep {name!r} has no run in MLflow, under which its model "
            f"would be stored; `sweep resume {name}{home.way()}` adds what MLflow misses"
        )
    return trial.run_id


def tracking_uri(folder: SweepFolder, home: SweepHome) -> str:
    """The MLflow that tracks the sweep, and whose registry gets its models."""
    tracking = TrackingSettings.model_validate(read_yaml(folder.spec).get("tracking") or {})
    return tracking_place(tracking, home, folder.store.sweep()).uri


def _tags(done: Done, trial: TrialRecord) -> dict[str, str]:
    """What the version came from, so that two versions can be compared."""
    sweep = done.model.sweep
    data = trial.provenance.data_fingerprint if trial.provenance else ""
    tags = {"winnow.sweep": sweep.name, "winnow.trial": str(trial.trial)}
    tags |= {"winnow.data_fingerprint": data} if data else {}
    values = done.model.measured.metrics
    return tags | {f"winnow.{name}": repr(values[name]) for name in sweep.goals if name in values}
