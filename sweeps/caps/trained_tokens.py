"""The tokens that each trial of a sweep trains on, known before any begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from sweeps.base.errors import SweepError
from sweeps.caps.decision import TokensOf
from sweeps.spec.reach import reachable
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.data.sets.training_set import training_set
from trainables.data.tokens.examples import Examples
from trainables.slots import toy
from trainables.training.inputs import Inputs
from trainables.training.plan import Stream, batch_sizes

_DECIDING = (
    *("method", "batch_size", "micro_batch_size", "data.mix.proportion"),
    *("batch_ramp.start_fraction", "batch_ramp.fraction"),
)
"""Fields that decide a trial's tokens."""


def tokens_of(spec: SweepSpec, inputs: Inputs | None) -> TokensOf:
    """A function of a trial's params; 0 for a trial that trains nothing."""
    if inputs is None:
        return lambda params: float(toy.tokens_of(spec.trial.with_params(params)))
    work = work_of(spec, inputs)
    return lambda params: work(params)[0]


def work_of(spec: SweepSpec, inputs: Inputs) -> Callable[[Mapping[str, object]], tuple[float, int]]:
    """A function of a trial's params: the tokens that it trains on, and its optimizer steps."""
    mix = Examples(inputs.mix) if inputs.mix else None
    lengths, replayed = training_set(spec.trial, Examples(inputs.train), mix).lengths
    streams: dict[float, Stream] = {}
    counted: dict[tuple[float, int], int] = {}

    def found(params: Mapping[str, object]) -> tuple[float, int]:
        config = spec.trial.with_params(params)
        if not config.tunes.trains:
            return 0.0, 0
        proportion = _proportion(config)
        stream = streams.setdefault(proportion, Stream(config, lengths, replayed))
        sizes = batch_sizes(config, stream.wanted(config.budget), spec.slots.workers)
        key = (proportion, int(sizes.sum()))
        if key not in counted:
            counted[key] = stream.tokens(key[1])
        return float(counted[key]), len(sizes)

    return found


def _proportion(config: TrialConfig) -> float:
    return config.data.mix.proportion if config.data and config.data.mix else 0.0


def refuse_below_one_trial(spec: SweepSpec, inputs: Inputs | None) -> None:
    """SweepError if budget.trained_tokens is less than the shortest trial of the space needs."""
    cap = spec.caps.trained_tokens
    if cap is None:
        return
    found, needed = tokens_of(spec, inputs), []
    for params in reachable(spec.space, _DECIDING):
        with suppress(ValueError):  # a trial that will be refused
            needed.append(found(params))
    if needed and not any(needed) and spec.caps.limits.keys() == {"trained_tokens"}:
        raise SweepError(
            "budget.trained_tokens: no trial of this sweep trains, so it would never end; set "
            "budget.trials"
        )
    if needed and min(needed) > cap:
        raise SweepError(
            f"budget.trained_tokens: {cap:,} is below one trial, the shortest of which trains on "
            f"{min(needed):,.0f} tokens; raise it, or lower the budget of a trial"
        )
