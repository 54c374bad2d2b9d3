from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.errors import DataError
from trainables.data.split import duplicates, split


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
