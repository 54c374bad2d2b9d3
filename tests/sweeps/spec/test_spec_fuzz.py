"""Whatever is in a sweep file, reading it gives a spec or a SpecError, and soon."""

from __future__ import annotations

from typing import Any

import pytest
from cpu_time import within
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from spec_samples import toy_tree

from sweeps.base.errors import YamlError
from sweeps.spec.fields import changed
from sweeps.spec.notes import notes
from sweeps.spec.settings import SearchSettings, SlotsSettings, StorageSettings, TrackingSettings
from sweeps.spec.spec import SpecError, SweepSpec
from sweeps.spec.yaml_file import parse_yaml
from trainables.config.trial import field_names

SOON = settings(
    deadline=None,  # it goes by the clock on the wall
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

SETTINGS = {
    "search": SearchSettings,
    "slots": SlotsSettings,
    "tracking": TrackingSettings,
    "storage": StorageSettings,
}

NAMES = [
    *field_names(),
    *(f"{name}.{field}" for name, model in SETTINGS.items() for field in model.model_fields),
    *SETTINGS,
    *("name", "space", "budget", "data", "lora", "optimizer", "budget.trials", "data.mix"),
    *("space.preset", "space.lora.rank", "space.learning_rate", "space.schedule"),
]
BASES = {
    "toy": toy_tree(),
    "sft": toy_tree(objective="sft", model="org/model", data={"train": "org/data"}, search={}),
}
PATHS = ["~no-such-user/x", "a/b/c", "/", "./x", "x" * 300, "/" + "x" * 300, "a\0b", "s3://a/b"]
WORDS = ["toy", "sft", "lora", "tpe", "grid", "auto", "choice", "int", "when", "uniform", "~x/y"]

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 10**39, 2**63, 2**31 - 1, 1e308])
    | st.floats()
    | texts
    | st.sampled_from(
        [*PATHS, *WORDS, *NAMES, "a" * 5000, "1e9999", "../..", "builtin:x", "http://x"]
    )
)
keys = st.sampled_from([*WORDS, *NAMES]) | texts
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def read(tree: Any) -> SweepSpec | None:
    with within(5.0):
        return _read(tree)


def _read(tree: Any) -> SweepSpec | None:
    try:
        spec = SweepSpec.parse(tree)
    except SpecError as error:
        assert error.problems and all(problem.place for problem in error.problems)
        assert len(str(error)) < 100_000
        return None
    try:
        again = parse_yaml(spec.text(), "again")
    except YamlError as error:  # what no file can say, Python can
        assert "is not allowed" in str(error)
    else:
        assert SweepSpec.parse(again) == spec
    notes(spec)
    return spec


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@SOON
@given(st.text() | st.text("[]{}:,-&*!|>'\"%@`#?<= \n\tabc019.e"))
def test_any_text_is_yaml_or_a_yaml_error(text):
    try:
        tree = parse_yaml(text, "here")
    except YamlError as error:
        assert str(error).startswith("here") and "\n" not in str(error)
    else:
        if isinstance(tree, dict):
            read(tree)


@SOON
@given(st.dictionaries(keys, trees, max_size=6))
def test_any_tree_is_a_spec_or_a_spec_error(tree):
    read(tree)


@pytest.mark.parametrize("base", BASES)
@SOON
@given(changes=st.dictionaries(st.sampled_from(NAMES), trees, max_size=3))
def test_a_good_spec_with_some_fields_replaced_is_one_too_or_a_spec_error(base, changes):
    tree = BASES[base]
    for key, value in changes.items():
        try:
            tree = changed(tree, key, value)
        except YamlError:
            continue
    read(tree)


ends = st.floats() | st.sampled_from([-1e308, 1e308, 0, 1, 5e-324]) | st.integers()
domains = st.builds(
    lambda kind, numbers: {kind: sorted(numbers[:2]) + numbers[2:]},
    st.sampled_from(["uniform", "log_uniform", "quantized", "int", "log_int"]),
    st.lists(ends, min_size=2, max_size=3),
)


@SOON
@given(st.sampled_from(["learning_rate", "lora.alpha", "lora.rank", "batch_size"]), domains)
@example("learning_rate", {"uniform": [-1e308, 1e308]})
def test_odd_numbers_in_a_domain(name, domain):
    read(toy_tree(space={name: domain}))


@SOON
@given(st.sampled_from(NAMES), trees)
def test_nonsense_as_a_domain(name, entry):
    read(toy_tree(space={name: entry}))


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
@pytest.mark.parametrize("field", ["model", "data.train", "data.test", "slots.deepspeed.config"])
def test_odd_paths(field, path):
    read(changed(BASES["sft"], field, path))
