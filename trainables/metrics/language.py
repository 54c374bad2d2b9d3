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


def _bits_per_byte(measured: Measured) -> float:
    return float(measured.losses.sum() / measured.columns["bytes"].sum() / math.log(2))


PERPLEXITY = Metric("eval_perplexity", "min", "", _LANGUAGE, _perplexity)
TOKEN_ACCURACY = Metric(
    "eval_token_accuracy",
    "max",
    "share",
    _LANGUAGE,
    _token_accuracy,
    parts=lambda measured: (measured.columns["correct"], measured.counts),
)
BITS_PER_BYTE = Metric(
    "eval_bits_per_byte",
    "min",
    "bits",
    _LANGUAGE,
    _bits_per_byte,
    column="bytes",
    parts=lambda measured: (measured.losses / math.log(2), measured.columns["bytes"]),
)
"""Comparable between tokenizers: the bytes are those of the text, without special tokens."""
