"""Dotted names in nested mappings."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from search_spaces.dotted import at, holds, joined, leaves, replaced, without

TREE = {"a": 1, "b": {"c": None, "d": {"e": [2]}}, "f": {}}

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)


def test_leaves_are_the_values_by_their_whole_names():
    assert leaves(TREE) == {"a": 1, "b.c": None, "b.d.e": [2]}
    assert leaves(TREE, keep_empty=True) == {"a": 1, "b.c": None, "b.d.e": [2], "f": {}}
    assert leaves({"c": 1}, "b") == {"b.c": 1}


def test_a_name_without_a_value_has_none():
    assert at(TREE, "b.d.e") == [2]
    assert [at(TREE, name) for name in ("x", "a.x", "b.c", "b.x.y")] == [None] * 4


def test_a_null_is_set_and_a_dotted_key_as_well():
    assert all(holds(TREE, name) for name in ("a", "b", "b.c", "b.d.e", "f"))
    assert not any(holds(TREE, name) for name in ("x", "a.x", "b.x", "c"))
    assert holds({"b.d": {"e": 1}}, "b.d") and holds({"b": {"d.e": 1}}, "b.d.e")


@given(st.lists(st.tuples(NAMES, st.integers())))
def test_the_last_value_of_a_name_counts_and_nothing_before_it_changes(changes):
    tree = {}
    for name, value in changes:
        before = copy.deepcopy(tree)
        after = replaced(tree, name, value)
        assert tree == before
        assert at(after, name) == value
        others = [each for each in leaves(tree) if not _inside(each, name)]
        assert [at(after, each) for each in others] == [at(tree, each) for each in others]
        tree = after


def _inside(one, other):
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def test_a_section_takes_the_place_of_what_is_none():
    assert replaced({"b": 3, "c": 4}, "b.d.e", 1) == {"b": {"d": {"e": 1}}, "c": 4}


def test_what_is_taken_out_may_be_called_with_dots():
    tree = {"prices": {"m5.large": 1, "m5.small": 2}, "a": [1]}
    assert without(tree, ["prices", "m5.large"]) == {"prices": {"m5.small": 2}, "a": [1]}
    assert without(tree, ["a"]) == {"prices": tree["prices"]}
    assert without(tree, ["a", 0]) == without(tree, ["x", "y"]) == tree


def test_empty_parts_are_no_part_of_a_name():
    assert joined("", "a", 0, "b.c") == "a.0.b.c"
