"""Trials of earlier sweeps in a study: its first ones, before those of the sweep itself."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.records.record import TrialStatus
from results.records.warm_start import EarlierTrial
from search_spaces import bridge
from search_spaces.space import Space
from search_spaces.values import as_option

_EARLIER = "earlier_trial"
"""User attribute of such a trial: `alpaca/7`."""

_STATES = {TrialStatus.COMPLETE: TrialState.COMPLETE, TrialStatus.PRUNED: TrialState.PRUNED}


def is_told(trial: FrozenTrial) -> bool:
    """Whether it is a trial of an earlier sweep."""
    return _EARLIER in trial.user_attrs


def frozen(trial: EarlierTrial, space: Space) -> FrozenTrial:
    """The trial as Optuna would have it if it had been one of this sweep."""
    point = {name: as_option(value) for name, value in trial.params.items()}
    asked = optuna.trial.FixedTrial(dict(bridge.encode(point, space)))
    bridge.suggest(asked, space)
    return optuna.trial.create_trial(
        state=_STATES[trial.status],
        params=asked.params,
        distributions=asked.distributions,
        values=list(trial.values) or None,
        intermediate_values=trial.reported,
        user_attrs={_EARLIER: f"{trial.sweep}/{trial.number}"},
    )
