"""Checks of options passed to Optuna and Ray, by passing them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from search_spaces.values import Value
from sweeps.base.errors import OptionsError
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec

_TRIED = 50
"""Maximum number of trials among which a suitable one is looked for."""


def check_options(spec: SweepSpec) -> None:
    """OptionsError if the sampler or the scheduler rejects its options."""
    from sweeps.search.schedulers import make_scheduler

    make_scheduler(spec.search, spec.trial.budget.evaluations)
    first_params(spec)


def first_params(
    spec: SweepSpec, suits: Callable[[dict[str, Value]], bool] = lambda _: True
) -> dict[str, Value]:
    """The parameters of the sweep's first trial that `suits`, found without a study on disk.

    If none of the first few suits, those of the last one tried.
    """
    import optuna

    from search_spaces import bridge
    from sweeps.search.drawing import make_sampler
    from sweeps.search.study import directions, points_to_queue

    _refuse_without_packages(spec.search)
    sampler = make_sampler(spec.search)
    study = optuna.create_study(sampler=sampler, directions=directions(spec.search))
    for point in points_to_queue(spec.space, spec.first_points, spec.search)[:_TRIED]:
        study.enqueue_trial(bridge.encode(point, spec.space))
    try:
        for _ in range(min(spec.trials, _TRIED)):
            params = bridge.suggest(study.ask(), spec.space)
            if suits(params):
                break
        return params
    except (TypeError, ValueError, AttributeError) as error:
        if not spec.search.sampler_options:
            raise
        raise OptionsError(
            f"search.sampler_options {dict(spec.search.sampler_options)} are not valid for "
            f"{spec.search.sampler}: {error}"
        ) from error


def _refuse_without_packages(search: SearchSettings) -> None:
    missing = [name for name in search.sampler_kind.packages if find_spec(name) is None]
    if missing:
        raise OptionsError(
            f"search.sampler {search.sampler} needs {' and '.join(missing)}, which is not "
            f"installed: pip install {' '.join(missing)}, or use another sampler"
        )
