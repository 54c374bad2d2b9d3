"""Our searcher for Ray Tune: it only suggests. The recorder tells Optuna the outcomes of trials.

Ray's own OptunaSearch reports early-stopped trials to Optuna as complete and leaves diverged ones
running forever, so the sampler learns from wrong data.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypedDict

from pydantic import ValidationError
from ray.tune.search import Searcher

from results.records.record import TrialRecord, TrialStatus
from search_spaces.values import Value
from sweeps.planning.edits import NO_EDITS, Edits
from sweeps.search.admission import Admission, Admits
from sweeps.search.branching import Branching, Dropped, PlanOf
from sweeps.search.drawing import trial_seed
from sweeps.search.study import StudyBook
from sweeps.spec.spec import SweepSpec
from trainables.board.job import Forking
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Evaluation


class Suggestion(TypedDict):
    """A trial for Tune's client; `seen` are evaluations from before an interruption. It has no
    `forking` if it shares no steps with others."""

    trial: int
    config: TrialConfig
    folder: str
    seen: tuple[Evaluation, ...]
    forking: Forking | None


class SearchWatcher(Protocol):
    """Gets every trial that the search creates."""

    def under_way(self) -> int:
        """Number of trials that have not ended."""

    def suggested(
        self,
        number: int,
        params: Mapping[str, Value],
        config: TrialConfig,
        *,
        repairs: Mapping[str, int],
    ) -> tuple[Evaluation, ...]:
        """A trial was suggested and will run, with the `repairs` that let it fit; returns its
        earlier evaluations, if any."""

    def refused(
        self,
        number: int,
        params: Mapping[str, Value],
        config: Mapping[str, Value],
        why: str,
        status: TrialStatus = TrialStatus.FAILED,
    ) -> None:
        """A combination was suggested that is invalid, or known to end with this status; it will
        not run.

        `config` is its configuration, by dotted name.
        """

    def record_of(self, number: int) -> TrialRecord | None:
        """The record of a trial, if it has one yet."""


Forks = tuple[Path, PlanOf]
"""The folder of a sweep's forks, and the plan of each trial."""

_ASK_AGAIN = 2.0
"""Seconds until a trial that may begin later is suggested again."""


class OptunaSearcher(Searcher):
    """Suggests trials, by their numbers, to Tune until the study has `spec.trials` and all those
    that a user asked for; these are heard of until the last trial has ended.

    `on_finished` is called once no more trials are to come, as far as is known: also after the
    first that is never admitted, which a resumed search suggests before all others.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: StudyBook,
        folder_of: Callable[[int], Path],
        watcher: SearchWatcher,
        has_room: Callable[[], bool] = lambda: True,
        on_finished: Callable[[], object] = lambda: None,
        admits: Admits = lambda params, number, taken_over: Admission.NOW,
        edits: Edits = NO_EDITS,
        forks: Forks | None = None,
    ) -> None:
        super().__init__(metric=spec.search.metric, mode=spec.search.direction)
        self._spec = spec
        self._study = study
        self._folder_of = folder_of
        self._watcher = watcher
        self._has_room = has_room
        self._on_finished = on_finished
        self._admits = admits
        self._edits = edits
        self._branching = self._branches(*forks) if forks else None
        self._closed = False
        self._ask_again = 0.0
        self._finished = False

    def __reduce__(self) -> tuple[type[Searcher], tuple[str, str]]:
        """Pickled by Tune for its own restore, which we do not use: the study is on disk."""
        return Searcher, (self.metric, self.mode)

    def suggest(self, trial_id: str) -> Suggestion | str | None:
        """The next trial's configuration, or Searcher.FINISHED when all have ended.

        None without a free slot, so that later suggestions use more measurements, and while the
        last trials run.
        """
        while not self._closed and self._study.given < self._most:
            if not self._has_room() or time.monotonic() < self._ask_again:
                return None
            drawn = self._drawn()
            if drawn is None:
                return None
            number, params = drawn
            config = self._configured(number, params)
            if config is not None and not self._dropped(number, params, config):
                taken_over = self._branching.taken_over(number) if self._branching else 0.0
                answer = self._admits(params, number, taken_over)
                if answer is not Admission.NOW:
                    self._study.put_back(number)
                    self._closed = answer is Admission.NEVER
                    self._ask_again = time.monotonic() + _ASK_AGAIN
                    continue
                edit = self._edits.of(params, config)
                repairs = edit.changes if edit else {}
                seen = self._watcher.suggested(number, params, config, repairs=repairs)
                config = config.with_params(repairs)
                folder = str(self._folder_of(number))
                forking = self._branching.forking(number) if self._branching else None
                return Suggestion(
                    trial=number, config=config, folder=folder, seen=seen, forking=forking
                )
        if not self._finished:
            self._finished = True
            self._on_finished()
        finished: str = Searcher.FINISHED
        return None if self._watcher.under_way() else finished

    @property
    def _most(self) -> int:
        return self._spec.trials + self._study.added

    def _drawn(self) -> tuple[int, dict[str, Value]] | None:
        """The next trial; None while all that are left wait for others."""
        branching, space = self._branching, self._spec.space
        with warnings.catch_warnings():
            # Samplers without support for conditional spaces warn for every trial.
            warnings.simplefilter("ignore")
            suits = self._fits if self._edits.take_out else None
            if branching is None:
                return self._study.draw(space, suits=suits)
            if not self._study.has_next(self._most, branching.waits):
                return None
            number, params = self._study.draw(space, branching.waits, suits)
            if not self._study.origin(number).added_by_hand:
                branching.branch_off(number, params, self._most)
            return number, params

    def _fits(self, params: Mapping[str, Value]) -> bool:
        """Whether a trial with these params is not taken out; invalid ones are refused later."""
        try:
            return self._edits.given(params, self._spec.trial.with_params(params)) is not None
        except ValidationError:
            return True

    def _dropped(
        self, number: int, params: Mapping[str, Value], config: TrialConfig
    ) -> Dropped | None:
        """How the trial ends without training, on record; None if it is to be trained."""
        found = self._branching.dropped(number) if self._branching else None
        if found:
            self._watcher.refused(number, params, config.flat(), found.why, found.status)
        return found

    def _branches(self, folder: Path, plan_of: PlanOf) -> Branching:
        def config_of(params: Mapping[str, Value], seed: int) -> TrialConfig | None:
            with suppress(ValidationError):
                config = self._spec.trial.with_params({**params, "seed": seed})
                edit = self._edits.of(params, config)
                return config.with_params(edit.changes) if edit else config
            return None

        known = self._watcher.record_of
        return Branching(self._spec, self._study, folder, known, config_of, plan_of)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, object] | None = None, error: bool = False
    ) -> None:
        """Nothing to do: Optuna learns of it from the trial's record, once on disk."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study is on disk after every ask and tell."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""

    def _seed(self, number: int) -> int:
        """The seed in the spec, which only a single trial has, else that of the trial's number, or
        with forks of its early values."""
        if "seed" in self._spec.trial.model_fields_set:
            return self._spec.trial.seed
        if self._branching and not self._study.origin(number).added_by_hand:
            return self._branching.seed(number)
        return trial_seed(self._spec.search.seed, number)

    def _configured(self, number: int, params: Mapping[str, Value]) -> TrialConfig | None:
        drawn = {**params, "seed": self._seed(number)}
        try:
            config = self._spec.trial.with_params(drawn)
        except ValidationError as error:
            why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        else:
            edit = self._edits.of(params, config)
            if edit is None or edit.changes:
                return config
            why = f"does not fit the GPU: {edit.why}"
        self._watcher.refused(number, params, self._spec.trial.flat_with(drawn), why)
        return None
