"""What the toy's loss is paid with."""

from __future__ import annotations

from trainables.metrics.metric import Metric

COST = Metric("eval_cost", "min", "", ("toy",))
