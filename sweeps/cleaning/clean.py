"""Which sweeps are cleaned, and the deletion itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from results.mlflow.models import folders_in_use
from results.mlflow.tracking_error import TrackingError
from results.records.record import SweepState
from sweeps.base.errors import SweepError
from sweeps.cleaning.surplus import Surplus, surplus
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.spec.settings import TrackingSettings
from sweeps.spec.tracking_place import tracking_place
from sweeps.spec.yaml_file import read_yaml


@contextmanager
def held_surplus(
    home: SweepHome, folders: Sequence[SweepFolder], keep_best: int
) -> Iterator[list[Surplus]]:
    """The surplus of these sweeps, which nobody can resume meanwhile.

    SweepError if one of them runs, or if its MLflow cannot be asked what it points to.
    """
    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(folder.held())
        yield [
            each for folder in folders for each in surplus(folder, keep_best, _in_use(home, folder))
        ]


def older_than(home: SweepHome, seconds: float) -> list[SweepFolder]:
    """The sweeps that are not running and ended, or last began, longer ago than that."""
    before = time.time() - seconds
    return [folder for folder in home.sweeps() if _last_heard(folder) < before]


def delete(items: Sequence[Surplus]) -> int:
    """Delete what is not kept; returns the number of bytes."""
    gone = [each for each in items if each.kept is None]
    for each in gone:
        shutil.rmtree(each.path)
    return sum(each.size for each in gone)


def _last_heard(folder: SweepFolder) -> float:
    sweep = folder.sweep_record()
    if sweep.state is SweepState.RUNNING:
        return time.time()
    return max((sweep.created, *sweep.resumed, *([sweep.ended] if sweep.ended else [])))


def _in_use(home: SweepHome, folder: SweepFolder) -> list[Path]:
    sweep = folder.store.sweep()
    # Not the whole spec: its data and model may be gone.
    tracking = TrackingSettings.model_validate(read_yaml(folder.spec).get("tracking") or {})
    place = tracking_place(tracking, home, sweep)
    try:
        return folders_in_use(place.uri)
    except TrackingError as error:
        raise SweepError(
            f"nothing was deleted: {error}; it must say which weights of sweep {sweep.name!r} its "
            "registry points to"
        ) from error
