"""A sweep's Optuna study: source of trials, updated from their records."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from results.records.record import Mode, TrialRecord, TrialStatus
from results.records.request import TrialRequest
from results.records.warm_start import WarmStart
from search_spaces import bridge
from search_spaces.space import Space
from search_spaces.values import Value
from sweeps.samplers.wrappers.around_priors import Guesses
from sweeps.search import by_hand, families
from sweeps.search.drawing import make_sampler
from sweeps.search.journal import written_together
from sweeps.search.settled import Settled
from sweeps.search.sketch import Suits, misfits
from sweeps.search.study_checks import BEGAN, has_begun, refuse_if_anothers, refuse_if_lost
from sweeps.search.study_storage import open_storage, patiently
from sweeps.search.told import frozen, is_told
from sweeps.search.untried import Combinations, KeyedPoint, Untried, can_repeat, given_values
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec

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
    study.set_user_attr(BEGAN, began)
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


Waits = Callable[[int], bool]
"""Whether a trial is not to be drawn yet, by its number."""


def _never(number: int) -> bool:
    return False


class StudyBook:
    """The study as one of the sweep's books."""

    def __init__(
        self,
        study: optuna.Study,
        search: SearchSettings,
        records: Collection[TrialRecord] = (),
        guesses: Guesses | None = None,
    ) -> None:
        """`records` are those of an earlier process; Optuna gets what it missed. Some early draws
        are around the `guesses`.

        LaunchError if Optuna has lost trials, which would run again.
        """
        self._study = study
        self._told = sum(map(is_told, study.get_trials(deepcopy=False)))
        known = self._known()
        refuse_if_lost({self._number(each) for each in known if has_begun(each)}, records)
        self._search, self._guesses = search, guesses
        self._goals: Mapping[str, Mode] = search.goals
        self._open = {
            self._number(each): optuna.Trial(study, each._trial_id)
            for each in known
            if each.state is TrialState.RUNNING
        }
        self._given: set[int] = set()
        self._settled = Settled()
        self._points: dict[int, KeyedPoint] = {}
        self._added = sum(map(by_hand.is_by_hand, known))
        for record in records:
            self.measured(record)
            if record.status.ended:
                self.ended(record)
        self._given = {self._number(each) for each in self._known() if each.state.is_finished()}

    def _sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        return make_sampler(self._search, number, self._guesses, attempt)

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
        branch = families.branch(self._known(), number) if self._search.forks > 1 else None
        return by_hand.origin(self._open.get(number))._replace(branch=branch)

    def family(self, number: int, space: Space) -> dict[int, dict[str, Value]]:
        """The params of all trials that are drawn with a trial, by number; its trunk is first."""
        known = self._known()
        places = families.family(known, number)
        return {place: bridge.decode(known[place].params, space) for place in places}

    @patiently
    def branch_off(self, number: int, held: Mapping[str, Value], most: int, space: Space) -> None:
        """Draw at most `most` other trials with the values `held` of a drawn one, once. They are
        the next to be drawn."""
        trunk = self._open[number]
        families.queue(self._study, trunk, held, most, self._known(), space)
        for branch in families.unfinished(self._known(), trunk):
            self._study.sampler = self._sampler(self._number(branch))
            bridge.suggest(self._led_to_untried(self._begun(branch), space), space)

    def room(self, most: int) -> int:
        """How many more trials the study takes, of at most so many."""
        return most - len(self._known())

    def has_next(self, most: int, waits: Waits) -> bool:
        """Whether there is a trial to draw, of at most so many, that does not wait."""
        known = self._known()
        waiting = any(each.state is TrialState.WAITING for each in self._settled.rest(known))
        return waiting or bool(self._left(known, waits)) or len(known) < most

    @patiently
    def draw(
        self, space: Space, waits: Waits = _never, suits: Suits | None = None
    ) -> tuple[int, dict[str, Value]]:
        """The next trial's number and its params: a combination that no other trial has, as long as
        there are any, or what a user asked for. Trials left open that still wait are passed over.
        Of several attempts the first that `suits` is taken, if one does.
        """
        with written_together(self._study._storage):
            trial = self.ask(waits)
            outside = by_hand.outside(trial)
            if suits and self._search.sampler_kind.draws_again and not by_hand.is_by_hand(trial):
                led = partial(self._led, trial, space)
                trial = led(misfits(suits, led, space))
            elif can_repeat(space) and not outside:
                trial = self._led_to_untried(trial, space)
            params = bridge.suggest(trial, space, outside)
        number = self._number(trial)
        self._open[number] = trial
        self._given.add(number)
        return number, params

    def _led(self, trial: optuna.Trial, space: Space, before: Sequence[KeyedPoint]) -> optuna.Trial:
        """The trial with the sampler of the attempt after those `before`, which it avoids."""
        self._study.sampler = self._sampler(self._number(trial), len(before))
        return self._led_to_untried(trial, space, before) if can_repeat(space) else trial

    def put_back(self, number: int) -> None:
        """Let a drawn trial be the first of those still to be drawn, with the same params."""
        self._given.discard(number)

    def ask(self, waits: Waits = _never) -> optuna.Trial:
        """A trial to draw: one left open by an earlier process or a lost database connection, else
        one asked for by hand, else a queued point, else a new one."""
        known = self._known()
        left = self._left(known, waits)
        waiting = [t for t in self._settled.rest(known) if t.state is TrialState.WAITING]
        waiting.sort(key=lambda trial: not by_hand.is_by_hand(trial))
        first = next(iter([*left, *waiting]), None)
        self._study.sampler = self._sampler(self._number(first) if first else len(known))
        return self._new() if first is None else self._begun(first)

    def _left(self, known: Sequence[FrozenTrial], waits: Waits) -> list[FrozenTrial]:
        """The trials left open that do not wait for others."""
        running = [t for t in self._settled.rest(known) if t.state is TrialState.RUNNING]
        left = [(trial, self._number(trial)) for trial in running]
        return [t for t, number in left if number not in self._given and not waits(number)]

    def _new(self) -> optuna.Trial:
        """A trial as `Study.ask` begins it if none waits, without its search for one."""
        trial_id = self._study._storage.create_new_trial(self._study._study_id)
        self._study._thread_local.cached_all_trials = None
        return optuna.Trial(self._study, trial_id)

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

    def _led_to_untried(
        self, trial: optuna.Trial, space: Space, before: Sequence[KeyedPoint] = ()
    ) -> optuna.Trial:
        """The trial, with a sampler that avoids the points of all others, and those `before`."""
        known = self._known()
        others = [
            self._point(each, space)
            for each in known
            if each.number != trial.number
            and each.state is not TrialState.WAITING
            and not by_hand.outside(each)
        ]
        combinations = Combinations(space, [*others, *before])
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
                value = measurement.compared.get(self._search.metric, math.nan)
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
