from __future__ import annotations

import pandas as pd
from record_samples import trial

from results.ranking.frame import to_frame


def test_one_row_per_trial_with_its_params_and_its_best_evaluation():
    records = [
        trial(2, "failed", params={"schedule": "wsd", "wsd.decay_fraction": 0.1}, error="boom"),
        trial(1, "complete", 3.0, 1.0, 2.0, params={"schedule": "cosine"}, seconds=4.0),
    ]
    frame = to_frame(records[::-1], {"eval_loss": "min"})
    assert list(frame.columns) == [
        "number", "status", "schedule", "wsd.decay_fraction", "eval_loss",
        "seconds", "tokens_per_second", "error",
    ]  # fmt: skip
    assert list(frame["number"]) == [1, 2]
    assert list(frame["status"]) == ["complete", "failed"]
    assert frame["eval_loss"][0] == 1.0
    assert pd.isna(frame["eval_loss"][1])
    assert pd.isna(frame["wsd.decay_fraction"][0])
    assert frame["seconds"][0] == 4.0
    assert frame["error"][1] == "boom"


def test_a_sweep_without_trials_is_an_empty_frame_with_columns():
    frame = to_frame([], {"eval_loss": "min"})
    assert frame.empty
    assert "status" in frame.columns


def test_of_several_metrics_the_last_evaluation_counts():
    goals = {"eval_loss": "min", "eval_accuracy": "max"}
    frame = to_frame([trial(1, "complete", 3.0, 1.0, 2.0)], goals)
    assert list(frame["eval_loss"]) == [2.0]
