"""Cost of the toy, which trades off against its loss."""

from __future__ import annotations

from trainables.metrics.metric import Metric

COST = Metric("eval_cost", "min", "", ("toy",))
