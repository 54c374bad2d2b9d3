from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.core.data_error import DataError
from trainables.data.sets.split import duplicates, hold_out, split


@given(
    keys=st.lists(st.integers(0, 30), min_size=2, max_size=60).filter(lambda x: len(set(x)) > 1),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_every_record_lies_on_one_side_and_equals_lie_together(keys, fraction, seed):
    train, validation = split(keys, fraction, seed)
    assert sorted([*train, *validation]) == list(range(len(keys)))
    assert train and validation
    assert not {keys[place] for place in train} & {keys[place] for place in validation}


@pytest.mark.parametrize(
    ("fraction", "count"), [(0.05, 50), (0.5, 500), (0.0001, 1), (0.9999, 999)]
)
def test_the_fraction_is_met(fraction, count):
    assert len(split(range(1000), fraction, 0).validation) == count


def test_weights_are_what_the_fraction_is_of():
    weights = [1000] + [10] * 100
    held_out = split(range(101), 0.25, 3, weights).validation
    assert sum(weights[place] for place in held_out) == 500


def test_the_seed_decides():
    first, again, other = (split(range(100), 0.1, seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("keys", [[], ["a"], ["a", "a", "a"]])
def test_fewer_than_two_different_records_cannot_be_split(keys):
    with pytest.raises(DataError, match=f"{len(keys)} usable records.*name a validation file"):
        split(keys, 0.5, 0)


def test_duplicates_are_the_repeats():
    assert duplicates(["a", "b", "a", "a"]) == 2


@given(
    strata=st.lists(st.sampled_from([0, 0, 0, 1, 1, 2]), min_size=20, max_size=300),
    fraction=st.floats(0.1, 0.9),
    seed=st.integers(0, 5),
)
def test_every_class_is_held_out_in_proportion(strata, fraction, seed):
    held_out = split(range(len(strata)), fraction, seed, strata=strata).validation
    sizes = {stratum: strata.count(stratum) for stratum in set(strata)}
    # The others make up for a class of which more would be held out than all but one.
    small = any((1 - fraction) * size < 1.5 for size in sizes.values())
    for stratum, size in sizes.items():
        taken = sum(strata[place] == stratum for place in held_out)
        assert small or abs(taken - fraction * size) <= 1.5
        assert taken < size


def test_rare_classes_do_not_swell_the_held_out_set():
    """Ten classes of five: one of each would be a fifth of all, where a twentieth is asked for."""
    strata = [place % 10 for place in range(50)]
    assert len(split(range(50), 0.05, 0, strata=strata).validation) in (2, 3)


def test_one_class_is_split_as_without_classes():
    assert split(range(100), 0.1, 4, strata=[7] * 100) == split(range(100), 0.1, 4)


@given(
    keys=st.lists(st.integers(0, 40), min_size=12, max_size=80).filter(lambda k: len(set(k)) > 5),
    seed=st.integers(0, 3),
)
def test_three_sets_share_all_records_and_no_key(keys, seed):
    places = hold_out(keys, 0.2, 0.3, seed)
    assert sorted([*places.train, *places.validation, *places.test]) == list(range(len(keys)))
    sides = [{keys[place] for place in side} for side in places]
    assert all(sides) and len(set.union(*sides)) == sum(map(len, sides))


def test_both_fractions_are_of_all_records_and_the_validation_set_stays():
    with_test, without = hold_out(range(1000), 0.1, 0.2, 3), hold_out(range(1000), 0.1, None, 3)
    assert (len(with_test.validation), len(with_test.test)) == (100, 200)
    assert with_test.validation == without.validation
    assert without.test == []


def test_nothing_is_held_out_of_nothing_or_where_nobody_asks():
    assert hold_out([], 0.1, 0.1, 0) == ([], [], [])
    assert hold_out(["a"], None, None, 0) == ([0], [], [])


def test_a_test_set_that_cannot_be_split_off_is_named():
    with pytest.raises(DataError, match=r"data\.test: 1 usable records.*name a test file"):
        hold_out(["a", "b"], 0.5, 0.3, 0)
