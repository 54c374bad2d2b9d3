"""Our Optuna searcher for Ray Tune: asks and tells the study directly, and tells it everything.

Ray's own OptunaSearch tells Optuna that an early-stopped trial is complete, and leaves one that
diverged running for ever; what the sampler then learns from is wrong.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState
from pydantic import ValidationError
from ray.tune.search import Searcher

from search_spaces import bridge
from search_spaces.space import Space
from sweeps.errors import OptionsError
from sweeps.interruption import Interruption
from sweeps.settings import SamplerName, SearchSettings
from sweeps.spec import SweepSpec
from trainables.config import TrialConfig
from trainables.evaluation import Ending, Evaluation, Outcome

DEFAULT_OPTIONS: Mapping[SamplerName, Mapping[str, Any]] = {
    "tpe": {"multivariate": True, "group": True, "constant_liar": True},
}
"""What a sampler gets unless search.sampler_options says otherwise. TPE then sees correlations,
each branch of a conditional space by itself, and the trials that are still running."""

SAMPLERS: Mapping[SamplerName, Callable[..., BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    # A grid's points are queued, conditions and all; the sampler only has to be there.
    "grid": optuna.samplers.RandomSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
    "qmc": optuna.samplers.QMCSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
}


def make_sampler(search: SearchSettings) -> BaseSampler:
    """The seeded sampler that the settings name; OptionsError repeats Optuna's reason."""
    options = {**DEFAULT_OPTIONS.get(search.sampler, {}), **search.sampler_options}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return SAMPLERS[search.sampler](seed=search.seed, **options)
    except (TypeError, ValueError) as error:
        raise OptionsError(
            f"search.sampler_options {dict(search.sampler_options)} does not suit the sampler "
            f"{search.sampler}: {error}"
        ) from error


def open_study(spec: SweepSpec, journal: Path) -> optuna.Study:
    """The sweep's study, in Optuna's journal on disk, with the points to try first queued."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal))),
        study_name=spec.name,
        sampler=make_sampler(spec.search),
        directions=directions(spec.search),
        load_if_exists=True,
    )
    if not study.get_trials(deepcopy=False):
        for point in points_to_queue(spec.space, spec.first_points, spec.search):
            study.enqueue_trial(bridge.encode(point, spec.space))
    return study


def directions(search: SearchSettings) -> list[StudyDirection]:
    """What Optuna is to do with each metric."""
    known = {"min": StudyDirection.MINIMIZE, "max": StudyDirection.MAXIMIZE}
    return [known[mode] for mode in search.goals.values()]


def points_to_queue(
    space: Space, first_points: Sequence[Mapping[str, Any]], search: SearchSettings
) -> list[Mapping[str, Any]]:
    """The whole grid for a grid search, else the points known to be good."""
    if search.sampler != "grid":
        return list(first_points)
    return list(space.grid())


def trial_seed(sweep_seed: int, number: int) -> int:
    """A trial's seed, from the sweep's and its own number: same sweep, same trial, same seed."""
    digest = hashlib.sha256(f"{sweep_seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


class SearchWatcher(Protocol):
    """Who keeps the books: is told of every trial that the search brings into the world."""

    def suggested(self, number: int, params: Mapping[str, Any], config: TrialConfig) -> None:
        """A trial was suggested and will be run."""

    def refused(
        self, number: int, params: Mapping[str, Any], config: Mapping[str, Any], why: str
    ) -> None:
        """A combination was suggested that is no valid trial; it will not be run.

        `config` is what it would have been, by dotted name.
        """


class OptunaSearcher(Searcher):
    """Suggests `spec.trials` trials to Tune, and tells the study how each one ended.

    Each suggestion is {"trial": Optuna's number, "config": TrialConfig, "folder": str}.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: optuna.Study,
        folder_of: Callable[[int], Path],
        watcher: SearchWatcher,
        interruption: Interruption,
    ) -> None:
        super().__init__(metric=spec.search.metric, mode=spec.search.direction)
        self._spec = spec
        self._study = study
        self._folder_of = folder_of
        self._watcher = watcher
        self._interruption = interruption
        self._asked = 0
        self._open: dict[str, optuna.Trial] = {}
        self._goals = spec.search.goals
        self._values: dict[str, tuple[float, ...]] = {}

    def __reduce__(self) -> Any:
        """Tune keeps a copy for its own restore, which is not ours: the study is on disk."""
        return Searcher, (self.metric, self.mode)

    def suggest(self, trial_id: str) -> Any:
        """The next trial's configuration, or Searcher.FINISHED when all have been suggested."""
        while self._asked < self._spec.trials:
            self._asked += 1
            trial = self._study.ask()
            with warnings.catch_warnings():
                # Samplers that cannot take a conditional space say so for every trial.
                warnings.simplefilter("ignore")
                params = bridge.suggest(trial, self._spec.space)
            config = self._configured(trial, params)
            if config is not None:
                self._open[trial_id] = trial
                self._watcher.suggested(trial.number, params, config)
                folder = str(self._folder_of(trial.number))
                return {"trial": trial.number, "config": config, "folder": folder}
        return Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Tell the study an intermediate value, at its evaluation point."""
        self._report(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the study the end of a trial and, where it had its whole budget, its values.

        They are those of its best evaluation, or of its last one where there are several metrics.
        """
        outcome: Outcome | None = result.get("outcome") if result else None
        if outcome is None and self._interruption.requested:
            return  # `abandon` ends it
        trial = self._open.pop(trial_id, None)
        if trial is None:
            return
        if result:
            self._report_to(trial, trial_id, result)
        values = self._values.pop(trial_id, (math.nan,))
        if error or (outcome and outcome.ending in (Ending.DIVERGED, Ending.FAILED)):
            self._study.tell(trial, state=TrialState.FAIL)
        elif outcome is None or outcome.ending is Ending.STOPPED:
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            # A complete trial that did not measure the metrics has nothing to be compared by.
            known = all(map(math.isfinite, values))
            state = TrialState.COMPLETE if known else TrialState.FAIL
            self._study.tell(trial, values if known else None, state=state)

    def abandon(self) -> None:
        """Tell the study that the trials which are still open will not end."""
        for trial in self._open.values():
            self._study.tell(trial, state=TrialState.FAIL)
        self._open.clear()

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study is on disk after every ask and tell."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""

    def _configured(self, trial: optuna.Trial, params: Mapping[str, Any]) -> TrialConfig | None:
        drawn = {**params, "seed": trial_seed(self._spec.search.seed, trial.number)}
        try:
            return self._spec.trial.with_params(drawn)
        except ValidationError as error:
            why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            self._study.tell(trial, state=TrialState.FAIL)
            self._watcher.refused(trial.number, params, self._spec.trial.flat_with(drawn), why)
            return None

    def _report(self, trial_id: str, result: Mapping[str, Any]) -> None:
        trial = self._open.get(trial_id)
        if trial is not None:
            self._report_to(trial, trial_id, result)

    def _report_to(self, trial: optuna.Trial, trial_id: str, result: Mapping[str, Any]) -> None:
        evaluation: Evaluation | None = result.get("evaluation")
        if evaluation is None:
            return
        values = tuple(evaluation.metrics.get(name, math.nan) for name in self._goals)
        if len(values) > 1:
            self._values[trial_id] = values
        elif math.isfinite(values[0]):
            self._report_value(trial, evaluation.point, values[0])
            better = min if self.mode == "min" else max
            self._values[trial_id] = better(values, self._values.get(trial_id, values))

    def _report_value(self, trial: optuna.Trial, point: int, value: float) -> None:
        """An intermediate value. Optuna takes none where there are several metrics."""
        with warnings.catch_warnings():
            # The end of a trial repeats its last evaluation; Optuna keeps the first and warns.
            warnings.simplefilter("ignore")
            trial.report(value, step=point)
