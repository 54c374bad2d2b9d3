"""What is said of the base model's values before the first trial."""

from __future__ import annotations

import math

from sweeps.run.driver.measurements import without_value


def test_a_metric_that_is_no_number_for_the_base_is_said_at_once():
    base = {"eval_mine": math.nan, "eval_perplexity": math.inf, "eval_loss": 1.0}
    assert not [*without_value(base, ["eval_loss", "eval_general_loss"])]
    first, second = without_value(base, ["eval_mine", "eval_loss", "eval_perplexity"])
    assert first.startswith("eval_mine of the untouched base model is NaN. A trial whose value")
    assert second.startswith("eval_perplexity of the untouched base model is inf.")
