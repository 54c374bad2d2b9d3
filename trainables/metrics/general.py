"""Forgetting: the loss on `data.general`, and its increase over the base model's."""

from __future__ import annotations

from trainables.metrics.metric import Metric

_LANGUAGE = ("sft", "clm", "grpo", "rloo", "ppo")

GENERAL_LOSS = Metric("eval_general_loss", "min", "nats", _LANGUAGE, needs="data.general")
GENERAL_CHANGE = Metric("eval_general_change", "min", "nats", _LANGUAGE, needs="data.general")
