"""What the terminal shows of parameters can be typed back, and different ones look different."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.values import show
from sweeps.display.parameters import fitted, show_params, show_value
from sweeps.spec.yaml_file import parse_yaml

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
ALL = [*ATTENTION, "gate_proj", "up_proj", "down_proj"]


def test_params_read_well():
    assert show_params({"a.b": 0.000123456, "c": ["q", "v"]}) == "a.b 0.000123  c [q, v]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (8, "8"),
        (1e-5, "1e-05"),
        (float("inf"), ".inf"),
        ("cosine", "cosine"),
        ("null", "'null'"),
        ("16", "'16'"),
        ("", "''"),
        ("it's", "'it''s'"),
        ("a ", "'a '"),
        ("C:\\new", "'C:\\new'"),
        ("a\nb", '"a\\nb"'),
        ('"\\\n', '"\\"\\\\\\n"'),
        ("/data/models/a", "/data/models/a"),
        ([1, None, "on"], "[1, null, 'on']"),
        (["a,b", ["c"]], "['a,b', [c]]"),
    ],
)
def test_what_is_shown_of_a_value_is_what_can_be_typed_for_it(value, text):
    assert show_value(value) == text
    assert parse_yaml(text, "--set") == value


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts


@given(scalars | st.lists(scalars | st.lists(scalars, max_size=3), max_size=4))
def test_whatever_is_shown_reads_back(value):
    assert parse_yaml(show(value), "x") == value


def test_where_there_is_room_nothing_is_cut():
    rows = [{"modules": ATTENTION, "rank": 8}, {"modules": ALL, "rank": 8}]
    assert fitted(rows, 200) == ([show_params(row) for row in rows], "")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((ATTENTION, ALL), ("[…, o_proj]", "[…, o_proj, gate_proj, up_proj, down_proj]")),
        ((ALL, ["x", *ALL[1:]]), ("[q_proj, …]", "[x, …]")),
        (("/data/models/a/run-1/weights", "/data/models/a/run-2/weights"), ("…1/…", "…2/…")),
        (("org/a-very-long-name-7B-it", "org/a-very-long-name-13B-it"), ("…7B-…", "…13B-…")),
        (("all-linear", ALL, ALL[1:]), ("all-linear", "[q_proj, k_proj, …]", "[k_proj, …]")),
        ((None, False, ALL), ("null", "false", "[q_proj, k_proj, …]")),
    ],
)
def test_long_values_are_cut_to_what_differs(values, shown):
    rows = [{"it": value, "rank": rank} for rank, value in enumerate(values)]
    assert fitted(rows, 20)[0] == [f"it {text}  rank {n}" for n, text in enumerate(shown)]


def test_what_all_have_in_common_is_told_once_where_there_is_no_room_for_it():
    rows = [{"modules": ALL, "rank": 8, "schedule": "wsd"}, {"modules": ALL, "rank": 4}]
    rows[1] |= {"schedule": "cosine"}
    texts, common = fitted(rows, 40)
    assert texts == ["rank 8  schedule wsd", "rank 4  schedule cosine"]
    assert common == f"modules [{', '.join(ALL)}]"


def test_numbers_get_as_many_digits_as_tell_them_apart():
    rows = [{"lr": 0.00021311}, {"lr": 0.00021349}, {"lr": 0.1}]
    assert fitted(rows, 80)[0] == ["lr 0.0002131", "lr 0.0002135", "lr 0.1"]


def test_a_single_trial_is_shown_whole():
    assert fitted([{"modules": ALL}], 10) == ([show_params({"modules": ALL})], "")


names = st.sampled_from(["lr", "modules", "path"])
paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map("/".join)
lists = st.lists(st.sampled_from(ALL), max_size=9)
values = st.none() | st.floats(0, 1) | paths | lists


@given(st.lists(st.dictionaries(names, values), max_size=5), st.integers(0, 120))
def test_two_choices_never_look_the_same(rows, room):
    texts, _ = fitted(rows, room)
    different = {repr(sorted(row.items(), key=lambda item: item[0])) for row in rows}
    ordered = {tuple(sorted(text.split("  "))) for text in texts}
    assert len(ordered) == len(different)
