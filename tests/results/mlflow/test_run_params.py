from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import full_trial, trial

from results.mlflow.params import parameters_in, parameters_text, text_of, trial_params, value_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = SCALARS | st.lists(SCALARS, max_size=3)


@given(value=VALUES)
def test_every_value_comes_back_with_its_type(value):
    back = value_of(text_of(value))
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("cosine", "cosine"),
        ("16", '"16"'),
        ("true", '"true"'),
        ("NaN", '"NaN"'),
        ("", '""'),
        (16, "16"),
        (1e-05, "1e-05"),
        (True, "true"),
        (["q_proj", "v_proj"], '["q_proj", "v_proj"]'),
        ("中文", "中文"),
    ],
)
def test_people_can_read_the_text(value, text):
    assert text_of(value) == text


def test_the_params_alone_give_back_an_ordinary_trial():
    record = full_trial()
    params = trial_params(record)
    assert params["learning_rate"] == "0.30000000000000004"
    assert parameters_text(record, params) is None
    back = parameters_in(params, list(record.params))
    assert back == {"params": record.params, "config": record.config}


@pytest.mark.parametrize(
    "fields",
    [
        {"params": {"x": 1}, "config": {"x": 1.0}},
        {"params": {"x": 1}, "config": {"x": True}},
        {"params": {"x": 1}, "config": {}},
        {"params": {}, "config": {"x": "word " * 2000}},
    ],
)
def test_what_the_params_cannot_hold_is_kept_as_text(fields):
    record = trial(**fields)
    assert parameters_text(record, trial_params(record)) is not None


def test_a_reopened_run_that_shows_old_values_needs_the_text():
    record = trial(params={}, config={"micro_batch_size": 4})
    assert parameters_text(record, {"micro_batch_size": "8"}) is not None
