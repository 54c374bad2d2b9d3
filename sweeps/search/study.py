"""A sweep's Optuna study: source of trials, updated from their records."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from results.records.record import Mode, TrialRecord, TrialStatus
from results.records.request import TrialRequest
from results.records.warm_start import WarmStart
from search_spaces import bridge
from search_spaces.space import Space
from search_spaces.values import Value
from sweeps.base.errors import LaunchError, OptionsError
from sweeps.search import by_hand
from sweeps.search.study_storage import open_storage, patiently
from sweeps.search.told import frozen, is_told
from sweeps.search.untried import Combinations, KeyedPoint, Untried, can_repeat, given_values
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec

_BEGAN = "sweep_began"
"""User attribute of a study: when its sweep was launched, in Unix seconds."""

IN_OPTUNA: Mapping[TrialStatus, TrialState] = {
    TrialStatus.WAITING: TrialState.RUNNING,
    TrialStatus.RUNNING: TrialState.RUNNING,
    TrialStatus.INTERRUPTED: TrialState.RUNNING,
    TrialStatus.COMPLETE: TrialState.COMPLETE,
    TrialStatus.PRUNED: TrialState.PRUNED,
    TrialStatus.DIVERGED: TrialState.FAIL,
    TrialStatus.FAILED: TrialState.FAIL,
    TrialStatus.INFEASIBLE: TrialState.PRUNED,
}
"""Trial statuses in Optuna's terms. An interrupted trial has not ended yet. TPE ignores failed
trials and ranks pruned ones without values last."""


def make_sampler(search: SearchSettings, number: int = 0) -> BaseSampler:
    """The sampler in the settings, seeded for trial `number`.

    A trial's draws depend on the sweep's seed, its own number and the study's data, so that an
    interrupted sweep continues as it would have. OptionsError repeats Optuna's reason.
    """
    seed = trial_seed(search.seed, number)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            kind = search.sampler_kind.with_options(search.sampler_options)
            return kind.build_for_trial(seed, search.seed)
    except (TypeError, ValueError) as error:
        raise OptionsError(
            f"search.sampler_options {dict(search.sampler_options)} are not valid for "
            f"{search.sampler}: {error}"
        ) from error


def trial_seed(sweep_seed: int, number: int) -> int:
    """A trial's seed, from the sweep's and its own number: same sweep, same trial, same seed."""
    digest = hashlib.sha256(f"{sweep_seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def open_study(
    spec: SweepSpec, journal: Path, began: float = 0.0, warm: WarmStart | None = None
) -> optuna.Study:
    """The sweep's study, in the spec's database or in `journal`, with the first points queued and
    the trials in `warm` told.

    The caller must be the only user of the journal. `began` is the launch time of the sweep, which
    identifies its study; LaunchError if the name belongs to another sweep.
    """
    warm = warm or WarmStart()
    storage = open_storage(spec.search.storage, journal)
    refuse_if_anothers(storage, spec, began)
    study = optuna.create_study(
        storage=storage,
        study_name=spec.name,
        sampler=make_sampler(spec.search),
        directions=directions(spec.search),
        load_if_exists=True,
    )
    study.set_user_attr(_BEGAN, began)
    told = sum(map(is_told, study.get_trials(deepcopy=False)))
    for trial in warm.told[told:]:
        study.add_trial(frozen(trial, spec.space))
    queued = len(study.get_trials(deepcopy=False)) - len(warm.told)
    points = _with_earlier(spec, warm)
    for point in points_to_queue(spec.space, points, spec.search)[queued:]:
        study.enqueue_trial(bridge.encode(point, spec.space))
    return study


def _with_earlier(spec: SweepSpec, warm: WarmStart) -> list[Mapping[str, Value]]:
    """The user's own first points, then those of earlier sweeps, then the preset's."""
    own = len(spec.search.first_points)
    earlier = [spec.space.parse_point(point, partial=True) for point in warm.first_points]
    new = [point for point in earlier if point not in spec.first_points]
    return [*spec.first_points[:own], *new, *spec.first_points[own:]]


def directions(search: SearchSettings) -> list[StudyDirection]:
    """Optuna's direction for each metric."""
    known = {"min": StudyDirection.MINIMIZE, "max": StudyDirection.MAXIMIZE}
    return [known[mode] for mode in search.goals.values()]


def points_to_queue(
    space: Space, first_points: Sequence[Mapping[str, object]], search: SearchSettings
) -> Sequence[Mapping[str, object]]:
    """All points of a finite sampler, else the points known to be good."""
    kind = search.sampler_kind
    return kind.points(space) if kind.finite else first_points


class StudyBook:
    """The study as one of the sweep's books."""

    def __init__(
        self, study: optuna.Study, search: SearchSettings, records: Collection[TrialRecord] = ()
    ) -> None:
        """`records` are those of an earlier process; Optuna gets what it missed.

        LaunchError if Optuna has lost trials, which would run again.
        """
        self._study = study
        self._told = sum(map(is_told, study.get_trials(deepcopy=False)))
        known = self._known()
        _refuse_if_lost({self._number(each) for each in known if _has_begun(each)}, records)
        self._search = search
        self._goals: Mapping[str, Mode] = search.goals
        self._open = {
            self._number(each): optuna.Trial(study, each._trial_id)
            for each in known
            if each.state is TrialState.RUNNING
        }
        self._given: set[int] = set()
        self._points: dict[int, KeyedPoint] = {}
        self._added = sum(map(by_hand.is_by_hand, known))
        for record in records:
            self.measured(record)
            if record.status.ended:
                self.ended(record)
        self._given = {self._number(each) for each in self._known() if each.state.is_finished()}

    @property
    def given(self) -> int:
        """Number of drawn trials, running or ended."""
        return len(self._given)

    @property
    def added(self) -> int:
        """Number of trials asked for by hand, drawn or queued."""
        return self._added

    @patiently
    def queue(self, requests: Mapping[str, TrialRequest], space: Space) -> list[str]:
        """Queue the trials that these requests ask for before all others, each once; returns the
        ids of those queued now."""
        new = by_hand.queue(self._study, self._known(), requests, space)
        self._added = sum(map(by_hand.is_by_hand, self._known()))
        return new

    def origin(self, number: int) -> by_hand.Origin:
        """Where a drawn trial that has not ended comes from."""
        return by_hand.origin(self._open.get(number))

    @patiently
    def draw(self, space: Space) -> tuple[int, dict[str, Value]]:
        """The next trial's number and its params: a combination that no other trial has, as long as
        there are any, or what a user asked for."""
        trial = self.ask()
        outside = by_hand.outside(trial)
        if can_repeat(space) and not outside:
            trial = self._led_to_untried(trial, space)
        params = bridge.suggest(trial, space, outside)
        number = self._number(trial)
        self._open[number] = trial
        self._given.add(number)
        return number, params

    def put_back(self, number: int) -> None:
        """Let a drawn trial be the first of those still to be drawn, with the same params."""
        self._given.discard(number)

    def ask(self) -> optuna.Trial:
        """A trial to draw: one left open by an earlier process or a lost database connection, else
        one asked for by hand, else a queued point, else a new one."""
        known = self._known()
        left = [
            trial
            for trial in known
            if trial.state is TrialState.RUNNING and self._number(trial) not in self._given
        ]
        waiting = [trial for trial in known if trial.state is TrialState.WAITING]
        waiting.sort(key=lambda trial: not by_hand.is_by_hand(trial))
        first = next(iter([*left, *waiting]), None)
        number = self._number(first) if first else len(known)
        # After a kill, undrawn values are drawn as they would have been before.
        queued = sum(
            "fixed_params" in each.system_attrs and not by_hand.is_by_hand(each) for each in known
        )
        self._study.sampler = make_sampler(self._search, max(number, queued))
        if first is None:
            return self._study.ask()
        return self._begun(first)

    def _begun(self, trial: FrozenTrial) -> optuna.Trial:
        """The trial in Optuna's hands, as `ask` would begin it if it were the first that waits."""
        if trial.state is TrialState.WAITING:
            self._study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        self._study._thread_local.cached_all_trials = None
        return optuna.Trial(self._study, trial._trial_id)

    def _known(self) -> list[FrozenTrial]:
        """The sweep's own trials."""
        return self._study.get_trials(deepcopy=False)[self._told :]

    def _number(self, trial: FrozenTrial | optuna.Trial) -> int:
        """The trial's number in the sweep, in which trials of earlier sweeps have none."""
        return trial.number - self._told

    def _led_to_untried(self, trial: optuna.Trial, space: Space) -> optuna.Trial:
        """The trial, with a sampler that avoids the points of all others."""
        known = self._known()
        others = [
            self._point(each, space)
            for each in known
            if each.number != trial.number
            and each.state is not TrialState.WAITING
            and not by_hand.outside(each)
        ]
        combinations = Combinations(space, others)
        drawing = known[self._number(trial)]
        if not combinations.untried(given_values(drawing, space)):
            if by_hand.is_by_hand(trial):
                return trial  # a repeat is what the user asked for
            # It was queued with values of which every combination has been tried.
            self._study._storage.set_trial_system_attr(trial._trial_id, "fixed_params", {})
            trial = optuna.Trial(self._study, trial._trial_id)
        self._study.sampler = Untried(self._study.sampler, combinations)
        return trial

    def _point(self, trial: FrozenTrial, space: Space) -> KeyedPoint:
        """What a trial has of a point: the same for ever, once it is drawn."""
        number = self._number(trial)
        point = self._points.get(number) or KeyedPoint.of(bridge.decode(trial.params, space))
        if number in self._given:
            self._points[number] = point
        return point

    @patiently
    def measured(self, record: TrialRecord) -> None:
        """Report the values of all evaluations; known ones stay as they are.

        Optuna accepts none with several metrics, and a sampler must not learn from values that it
        cannot draw.
        """
        trial = self._open.get(record.number)
        if trial is None or len(self._goals) > 1 or by_hand.outside(trial):
            return
        with warnings.catch_warnings():
            # Optuna warns about every known value.
            warnings.simplefilter("ignore")
            for measurement in record.measurements:
                value = measurement.metrics.get(self._search.metric, math.nan)
                if math.isfinite(value):
                    trial.report(value, step=measurement.point)

    @patiently
    def ended(self, record: TrialRecord) -> None:
        """Report the end of a trial and, after its full budget, its values.

        They are those of its best evaluation, or of its last one with several metrics.
        """
        if record.number not in self._open:
            return
        values, state = None, IN_OPTUNA[record.status]
        if state is TrialState.PRUNED and len(self._goals) > 1:
            state = TrialState.FAIL  # with several metrics Optuna knows no pruning
        if by_hand.outside(self._open[record.number]):
            state = TrialState.FAIL  # a sampler must not learn values from it that it cannot draw
        if state is TrialState.COMPLETE:
            values = self._values(record)
            # A complete trial without its metrics cannot be compared.
            state = TrialState.FAIL if values is None else state
        trial = self._open[record.number]
        self._study.tell(trial, values, state=state, skip_if_finished=True)
        del self._open[record.number]
        self._given.add(record.number)

    def _values(self, record: TrialRecord) -> list[float] | None:
        counted = record.counted(self._goals)
        metrics = counted.metrics if counted else {}
        values = [metrics.get(name, math.nan) for name in self._goals]
        return values if all(map(math.isfinite, values)) else None


def refuse_if_anothers(storage: BaseStorage, spec: SweepSpec, began: float | None) -> None:
    """LaunchError if the study of that name belongs to another sweep than the one that `began` at
    that time (None: a new one). Sweeps of other homes may share the database and use equal names.

    Deletes the study of a sweep without trials.
    """
    if spec.name not in optuna.get_all_study_names(storage):
        return
    study = optuna.load_study(study_name=spec.name, storage=storage)
    if study.user_attrs.get(_BEGAN, began) == began:
        return
    if all(is_told(trial) or not _has_begun(trial) for trial in study.get_trials(deepcopy=False)):
        optuna.delete_study(study_name=spec.name, storage=storage)
        return
    raise LaunchError(
        f"search.storage: the database has a study {spec.name!r} of another sweep, which may be "
        "running; choose another name with --name"
    )


def _has_begun(trial: FrozenTrial) -> bool:
    return trial.state is not TrialState.WAITING


def _refuse_if_lost(begun: Collection[int], records: Collection[TrialRecord]) -> None:
    lost = [record.number for record in records if record.number not in begun]
    if lost:
        raise LaunchError(
            f"Optuna's study lacks recorded trial {min(lost)}: optuna.journal, or the database at "
            "search.storage, was truncated or emptied; restore it from a backup, or launch the "
            "sweep under another name with --name"
        )
