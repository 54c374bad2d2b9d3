"""Early stopping over evaluation points: Ray Tune's own schedulers, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.tune.schedulers import (
    ASHAScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from sweeps.errors import OptionsError
from sweeps.settings import SearchSettings


def make_scheduler(search: SearchSettings, evaluations: int) -> TrialScheduler:
    """The scheduler that `search.early_stopping` names. Its clock is the evaluation point.

    ASHA (Li et al. 2020, arXiv:1810.05934) with reduction factor 3 keeps the best third at points
    1, 3, 9 ...; median (Golovin et al. 2017, Google Vizier) stops a trial that is worse than the
    running average of its peers' medians. OptionsError repeats Ray's reason.
    """
    goal = {"metric": search.metric, "mode": search.direction, "time_attr": "point"}
    defaults: Mapping[str, Mapping[str, Any]] = {
        "none": {},
        "asha": {**goal, "max_t": evaluations, "grace_period": 1, "reduction_factor": 3},
        "median": {**goal, "grace_period": 1, "min_samples_required": 3},
    }
    makers = {"none": FIFOScheduler, "asha": ASHAScheduler, "median": MedianStoppingRule}
    options = {**defaults[search.early_stopping], **search.early_stopping_options}
    try:
        return makers[search.early_stopping](**options)
    except (TypeError, ValueError, AssertionError) as error:
        raise OptionsError(
            f"search.early_stopping_options {dict(search.early_stopping_options)} does not suit "
            f"{search.early_stopping}: {error}"
        ) from error
