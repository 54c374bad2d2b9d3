"""Learning-rate schedules as closed forms: a step's share of the peak rate. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable

from trainables.config.trial import TrialConfig

Multiplier = Callable[[int], float]


def multiplier(config: TrialConfig, steps: int) -> Multiplier:
    """The schedule of `config` over `steps` optimizer steps.

    The returned function maps the number of completed steps (0 .. steps) to a factor in [0, 1] of
    learning_rate. It rises linearly to 1 at the end of the warm-up, and falls to floor_fraction at
    `steps`:

    - constant: stays at 1;
    - linear: falls on a straight line from the end of the warm-up;
    - cosine: half a cosine from the end of the warm-up (Loshchilov & Hutter 2016,
      arXiv:1608.03983, without restarts);
    - wsd: stays at 1, then falls on a straight line over the last wsd.decay_fraction of all steps
      (warmup-stable-decay, Hu et al. 2024, arXiv:2404.06395; the straight line after Haegele et
      al. 2024, arXiv:2405.18392).
    """
    warmup = round(config.warmup_fraction * steps)
    start, shape = {
        "constant": (steps, _hold),
        "linear": (warmup, _line),
        "cosine": (warmup, _half_cosine),
        "wsd": (steps - round(config.wsd.decay_fraction * steps), _line),
    }[config.schedule]
    floor = config.floor_fraction

    def factor(step: int) -> float:
        if step < warmup:
            # The first step trains too: with n steps of warm-up the rates are 1/n .. n/n.
            return (step + 1) / warmup
        progress = min(max(step - start, 0) / max(steps - start, 1), 1.0)
        return floor + (1.0 - floor) * shape(progress)

    return factor


def _hold(progress: float) -> float:
    return 1.0


def _line(progress: float) -> float:
    return 1.0 - progress


def _half_cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))
