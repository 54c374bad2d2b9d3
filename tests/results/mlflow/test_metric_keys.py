"""Metrics under names that MLflow takes, one for each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric, _validate_metric_name
from record_samples import measured

from results.mlflow.metric_keys import keys_of
from results.mlflow.metrics import measurement_rows, missing_measurements
from results.records.stamps import Stamps

ODD = ["eval_f1/C++", "eval_f1/c++", "eval_f1/Health & Beauty", "eval_f1/客服", "eval_loss"]


def test_what_mlflow_refuses_is_replaced_and_equal_keys_are_numbered():
    assert keys_of(ODD) == {
        "eval_loss": "eval_loss",
        "eval_f1/客服": "eval_f1/客服",
        "eval_f1/C++": "eval_f1/C__",
        "eval_f1/c++": "eval_f1/c__ 2",
        "eval_f1/Health & Beauty": "eval_f1/Health _ Beauty",
    }
    assert keys_of(reversed(ODD)) == keys_of(ODD)


@given(st.sets(st.text(max_size=6).map(lambda label: f"eval_f1/{label}"), max_size=20))
def test_every_name_has_a_key_of_its_own_that_mlflow_takes(names):
    keys = keys_of(names)
    assert len({key.casefold() for key in keys.values()}) == len(names)
    for key in keys.values():
        for prefix in ("", "best_", "base_"):
            _validate_metric_name(prefix + key)


def test_a_measurement_that_was_logged_under_other_names_is_known():
    (one,) = measured(1.0)
    one = one.with_changes(metrics=dict.fromkeys(ODD, 0.5))
    rows = measurement_rows(one, 7)
    for row in rows:
        _validate_metric(row.key, row.value, row.stamp, row.step)
    assert missing_measurements([one], rows, Stamps()) == []


def test_the_operators_of_formulas_are_told_apart():
    keys = keys_of(["eval_a + 0.5 * eval_b", "eval_a * (eval_b - 1)"])
    assert set(keys.values()) == {"eval_a plus 0.5 x eval_b", "eval_a x _eval_b - 1_"}
