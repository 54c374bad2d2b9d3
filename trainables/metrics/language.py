"""Quality of next-token prediction."""

from __future__ import annotations

import math

from trainables.metrics.metric import Measured, Metric

_LANGUAGE = ("sft", "clm")
_LARGEST = 700.0
"""Loss at which exp counts as infinite."""


def _perplexity(measured: Measured) -> float:
    return math.exp(measured.loss) if measured.loss < _LARGEST else math.inf


def _token_accuracy(measured: Measured) -> float:
    return float(measured.columns["correct"].sum() / measured.counts.sum())


PERPLEXITY = Metric("eval_perplexity", "min", "", _LANGUAGE, _perplexity)
TOKEN_ACCURACY = Metric("eval_token_accuracy", "max", "share", _LANGUAGE, _token_accuracy)
