"""Rewards of answers: their metrics, weighted and added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainables.core.data_error import short
from trainables.core.errors import RefusedError
from trainables.metrics.written import Scored, Written
from trainables.objectives.policy import REWARD

Floats = NDArray[np.float64]


def parts_of(written: Written, weights: Mapping[str, float]) -> dict[str, Floats]:
    """The values of all answers in each rewarded metric, unweighted; RefusedError if they are no
    finite numbers."""
    found = {}
    for name in weights:
        if name not in written.each:
            raise RefusedError(
                f"rl.rewards: {name} is one number for all answers, and a reward is one for each; "
                "return a list"
            )
        found[name] = values = np.array(written.each[name], dtype=np.float64)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            answer = written.answers[int(wrong[0])]
            raise RefusedError(
                f"rl.rewards: {name} is {values[wrong[0]]} for the answer {short(answer.said)!r} "
                f"to {short(answer.question)!r}; a reward must be a finite number"
            )
    return found


def total(parts: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The reward of each answer."""
    weighted = [weights[name] * values for name, values in parts.items()]
    return np.asarray(np.sum(weighted, axis=0))


def with_reward(written: Written, weights: Mapping[str, float]) -> Written:
    """The answers with their rewards among their metrics."""
    rewards = total(parts_of(written, weights), weights)
    own = {**written.own, REWARD: Scored(float(rewards.mean()), rewards.tolist())}
    return replace(written, own=own)
