"""A sampler's view of a study in which every measured trial is complete, at its last value."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from weakref import WeakKeyDictionary

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.samplers.wrappers.study_view import StudyView, Viewing, root_of

_BEST = 25
"""Maximum number of trials that TPE takes for good (Optuna's default `gamma`)."""

_MOST = 1000
"""Maximum number of measured trials in the view. A draw takes time in proportion to it, and TPE
gives little weight to old trials that are not good."""


class LastValues(Viewing):
    """Draws as `sampler` does, with trials that were measured and pruned, or still run, taken for
    complete ones.

    The study itself stays as it is. Without this view, TPE ranks every complete trial above every
    pruned one, whatever their values, and learns nothing from a running one.
    """

    def view_of(self, study: optuna.Study, trial: FrozenTrial) -> StudyView:
        """The study with every measured trial complete."""
        return _measured(study)

    def space_view_of(self, view: StudyView) -> StudyView:
        """A trial for each set of parameters: TPE's groups of parameters follow from these sets,
        and to find them from all trials took a quarter of its time."""
        first: dict[tuple[str, ...], FrozenTrial] = {}
        for trial in view.trials_seen:
            if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
                first.setdefault(tuple(trial.distributions), trial)
        return StudyView(view, list(first.values()))


def _measured(study: optuna.Study) -> StudyView:
    """The study with other states and values of its unfinished trials. Of more than _MOST trials it
    has the best and the latest."""
    trials = study.get_trials(deepcopy=False)
    if study._is_multi_objective():
        return StudyView(study, trials)
    if len(trials) > _MOST:
        old = _OLD.setdefault(study, OldTrials(study.direction))
        trials = [*old.most_telling(trials[: _BEST - _MOST]), *trials[_BEST - _MOST :]]
    seen = _SEEN.setdefault(root_of(study), SeenTrials(study.direction))
    return StudyView(study, seen.of(trials))


class SeenTrials:
    """A study's trials as if every measured one were complete. One that has ended looks the same
    for ever, and is made once: to make thousands for each draw took a fifth of its time."""

    def __init__(self, direction: StudyDirection) -> None:
        self._direction = direction
        self._ended: dict[int, FrozenTrial] = {}

    def of(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """These trials, in order; those of an earlier call may be forgotten."""
        seen = [self._ended.get(trial.number) or self._seen(trial) for trial in trials]
        if len(self._ended) > 2 * len(trials):
            kept = {trial.number for trial in trials} & self._ended.keys()
            self._ended = {number: self._ended[number] for number in kept}
        return seen

    def _seen(self, trial: FrozenTrial) -> FrozenTrial:
        seen = _as_complete(trial, self._direction)
        if trial.state.is_finished():
            self._ended[trial.number] = seen
        return seen


class OldTrials:
    """The trials of a growing study but for the latest: the best of them, and those still running.

    A trial that has ended is looked at once, since its value does not change any more.
    """

    def __init__(self, direction: StudyDirection) -> None:
        self._direction = direction
        self._seen = 0
        self._best: list[tuple[float, int]] = []
        self._open: list[int] = []

    def most_telling(self, old: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The _BEST best of them by value, and all that run, in order. `old` only grows."""
        new = [*self._open, *range(self._seen, len(old))]
        ended = [place for place in new if old[place].state.is_finished()]
        self._open = [place for place in new if not old[place].state.is_finished()]
        self._seen = len(old)
        self._best = heapq.nsmallest(_BEST, [*self._best, *self._ranked(old, ended)])
        best = heapq.nsmallest(_BEST, [*self._best, *self._ranked(old, self._open)])
        running = [place for place in self._open if old[place].state is TrialState.RUNNING]
        return [old[place] for place in sorted({place for _, place in best}.union(running))]

    def _ranked(
        self, old: Sequence[FrozenTrial], places: Iterable[int]
    ) -> Iterator[tuple[float, int]]:
        sign = 1 if self._direction is StudyDirection.MINIMIZE else -1
        for place in places:
            value = value_of(old[place], self._direction)
            if value is not None:
                yield sign * value, place


_OLD: WeakKeyDictionary[optuna.Study, OldTrials] = WeakKeyDictionary()
_SEEN: WeakKeyDictionary[optuna.Study, SeenTrials] = WeakKeyDictionary()
"""Those of each study in this process, kept here since each draw makes a new sampler."""


def _as_complete(trial: FrozenTrial, direction: StudyDirection) -> FrozenTrial:
    """The trial as if it had ended with its last evaluation, and a complete one with its best; as
    it is if it has none."""
    value = value_of(trial, direction)
    seen = object.__new__(_Seen)
    seen.__dict__.update(trial.__dict__)  # a tenth of copy.copy's time, which thousands would take
    if value is not None:
        seen.state, seen.value = TrialState.COMPLETE, value
    return seen


class _Seen(FrozenTrial):
    """A trial of ours, none of which has constraints: TPE looks for them in thousands of trials."""

    @property
    def constraints(self) -> dict[str, float]:
        """None."""
        return {}


def value_of(trial: FrozenTrial, direction: StudyDirection) -> float | None:
    """The value that counts, if the trial has a finite one.

    With evaluation.examples, the values of evaluations are all on the same part of the validation
    set, but a complete trial's own value is on the whole set. So its best evaluation is what
    unfinished trials are compared with.
    """
    values = [value for value in trial.intermediate_values.values() if math.isfinite(value)]
    if trial.state is TrialState.COMPLETE:
        best = min if direction is StudyDirection.MINIMIZE else max
        return best(values) if values else trial.value
    if trial.state not in (TrialState.RUNNING, TrialState.PRUNED) or not trial.intermediate_values:
        return None
    value = trial.intermediate_values[max(trial.intermediate_values)]
    return value if math.isfinite(value) else None
