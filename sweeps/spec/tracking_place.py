"""Where a sweep logs, and why: its file, MLflow's own variables, or the sweep home. Light."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from results.records.record import SweepRecord
from results.records.uris import HIDDEN, keeps_artifacts, redact, sqlite_file
from search_spaces.problem import UnplacedError
from sweeps.base.errors import LaunchError
from sweeps.home.home import SweepHome
from sweeps.spec.addresses import check_tracking
from sweeps.spec.settings import TrackingSettings

URI = "MLFLOW_TRACKING_URI"
EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
EXPERIMENT_ID = "MLFLOW_EXPERIMENT_ID"

DEFAULT_EXPERIMENT = "winnow"

_OWN = "the sweep home's own database"


@dataclass(frozen=True)
class TrackingPlace:
    """An MLflow store and an experiment in it.

    `source` and `experiment_source` are the field or the variable that names them; None for the
    database of the sweep home, and for the default experiment.
    """

    uri: str
    experiment: str
    source: str | None = None
    experiment_source: str | None = None

    @property
    def blamed(self) -> str:
        """The field or the variable to change if the store does not work; the home's database."""
        return self.source or _OWN

    @property
    def keeps_artifacts(self) -> bool:
        """Whether the store has a place of its own for artifacts."""
        return self.source is not None and keeps_artifacts(self.uri)

    def __str__(self) -> str:
        """`MLflow: https://HOST, experiment team (from MLFLOW_TRACKING_URI)`."""
        database = sqlite_file(self.uri)
        store = str(database) if self.source is None and database else redact(self.uri)
        sources = dict.fromkeys(each for each in (self.source, self.experiment_source) if each)
        own = _OWN if self.source is None else ""
        why = " and ".join([*([own] if own else []), *(f"from {each}" for each in sources)])
        return f"MLflow: {store}, experiment {self.experiment} ({why})"


def tracking_place(
    settings: TrackingSettings,
    home: SweepHome,
    earlier: SweepRecord | None = None,
    environment: Mapping[str, str] = os.environ,
) -> TrackingPlace:
    """The place of a sweep: as its file says, else as MLflow's variables say, else the home's.

    A sweep that was launched `earlier` stays where it is, whatever the variables say now.
    LaunchError for an address that MLflow does not take, or that had a password in the environment
    and is no longer there.
    """
    uri, source = _store(settings, home, earlier, environment)
    experiment, experiment_source = _experiment(settings, earlier, environment)
    return TrackingPlace(uri, experiment, source, experiment_source)


def ignored(settings: TrackingSettings, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Notes on variables of MLflow that do not say what they seem to."""
    names_one = settings.experiment or environment.get(EXPERIMENT)
    if environment.get(EXPERIMENT_ID) and not names_one:
        return [
            f"{EXPERIMENT_ID} is not used, since experiments are named here: set {EXPERIMENT} or "
            "tracking.experiment."
        ]
    return []


def _store(
    settings: TrackingSettings,
    home: SweepHome,
    earlier: SweepRecord | None,
    environment: Mapping[str, str],
) -> tuple[str, str | None]:
    if settings.uri is not None:
        return settings.uri, "tracking.uri"
    if earlier is not None and earlier.tracking_source == URI:
        return _as_launched(earlier, environment), URI
    if earlier is not None and earlier.tracking_source is None:
        return home.tracking_uri, None
    given = environment.get(URI, "").strip()
    return (_checked(given), URI) if given else (home.tracking_uri, None)


def _as_launched(earlier: SweepRecord, environment: Mapping[str, str]) -> str:
    """The address that the environment had at the launch; the record has no passwords."""
    recorded = str(earlier.tracking_uri)
    given = environment.get(URI, "").strip()
    if redact(given) == recorded:
        return given
    if HIDDEN not in recorded:
        return recorded
    raise LaunchError(
        f"{URI}: sweep {earlier.name!r} logs to {recorded}, whose password is not kept; set the "
        "variable as at the launch"
    )


def _experiment(
    settings: TrackingSettings, earlier: SweepRecord | None, environment: Mapping[str, str]
) -> tuple[str, str | None]:
    if settings.experiment is not None:
        return settings.experiment, "tracking.experiment"
    if earlier is not None and earlier.experiment is not None:
        return earlier.experiment, None
    given = environment.get(EXPERIMENT, "").strip()
    return (given, EXPERIMENT) if given else (DEFAULT_EXPERIMENT, None)


def _checked(uri: str) -> str:
    try:
        return check_tracking(uri)
    except UnplacedError as error:
        raise LaunchError(str(error.at(URI))) from None


def left_behind(
    settings: TrackingSettings, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Notes on variables of this machine that a sweep on a cluster does not see."""
    fields = {
        URI: ("tracking.uri", settings.uri),
        EXPERIMENT: ("tracking.experiment", settings.experiment),
    }
    return [
        f"{variable} of this machine does not reach the cluster: set {field}, or the variable on "
        "the head node."
        for variable, (field, value) in fields.items()
        if value is None and environment.get(variable)
    ]
