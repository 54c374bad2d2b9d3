"""A study as a sampler is to see it, and the base of samplers that see one so."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Container
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from sweeps.samplers.wrappers.around import Around


class StudyView(optuna.Study):
    """The study at one moment, as if these were its trials."""

    def __init__(self, study: optuna.Study, trials: list[FrozenTrial]) -> None:
        self.__dict__.update(study.__dict__)
        self.root = root_of(study)
        self.trials_seen = trials

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        assert not deepcopy, "samplers only read"
        return [trial for trial in self.trials_seen if states is None or trial.state in states]


def root_of(study: optuna.Study) -> optuna.Study:
    """The study itself, of which this may be a view."""
    return study.root if isinstance(study, StudyView) else study


class Viewing(Around):
    """Draws each trial as `sampler` does from a view of the study, made when its draw begins."""

    def __init__(self, sampler: BaseSampler) -> None:
        super().__init__(sampler)
        self._seen: StudyView | None = None

    @abstractmethod
    def view_of(self, study: optuna.Study, trial: FrozenTrial) -> StudyView:
        """What the sampler sees when it draws this trial."""

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The parameters that the sampler draws together."""
        self._seen = None  # a new trial: others may have been measured since the last one
        view = self.space_view_of(self._view(study, trial))
        return super().infer_relative_search_space(view, trial)

    def space_view_of(self, view: StudyView) -> StudyView:
        """What the sampler sees when it looks for the parameters to draw together."""
        return view

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The sampler's values of these."""
        return self._sampler.sample_relative(self._view(study, trial), trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The sampler's value of one parameter."""
        view = self._view(study, trial)
        return self._sampler.sample_independent(view, trial, param_name, param_distribution)

    def _view(self, study: optuna.Study, trial: FrozenTrial) -> StudyView:
        if self._seen is None:
            self._seen = self.view_of(study, trial)
        return self._seen
