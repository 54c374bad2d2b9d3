"""The loss itself, measured for all objectives."""

from __future__ import annotations

from trainables.metrics.metric import Metric

LOSS = Metric(
    "eval_loss",
    "min",
    "nats",
    (
        *("sft", "clm", "classification", "reward", "dpo", "orpo", "simpo", "kto"),
        *("grpo", "rloo", "ppo", "toy"),
    ),
    lambda measured: measured.loss,
)
