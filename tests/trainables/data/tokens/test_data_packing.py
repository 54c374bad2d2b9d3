"""Which examples go into one sequence, and what a batch of such sequences looks like."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.core.data_error import DataError
from trainables.data.tokens.examples import Example, Examples, write
from trainables.data.tokens.packing import Pack, Packs, best_fit, collate_packs, write_packs
from trainables.data.tokens.sequences import TokenSequence

CAPACITY = 20
LENGTHS = st.lists(st.integers(1, CAPACITY), min_size=1, max_size=60)


def plain_best_fit(lengths, capacity):
    """The same by looking at every bin for every example."""
    loads: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [place for place, load in enumerate(loads) if load + length <= capacity]
        if fitting:
            loads[max(fitting, key=lambda place: loads[place])] += length
        else:
            loads.append(length)
    return sorted(loads)


def first_fit(lengths, capacity):
    loads: list[int] = []
    for length in lengths:
        place = next((n for n, load in enumerate(loads) if load + length <= capacity), None)
        if place is None:
            loads.append(length)
        else:
            loads[place] += length
    return loads


def loads_of(bins, lengths):
    return [sum(lengths[index] for index in each) for each in bins]


@given(LENGTHS)
def test_every_example_is_in_one_bin_and_no_bin_is_over_full(lengths):
    bins = best_fit(lengths, CAPACITY)
    assert sorted(index for each in bins for index in each) == list(range(len(lengths)))
    assert max(loads_of(bins, lengths)) <= CAPACITY


@given(LENGTHS)
def test_no_two_bins_would_fit_into_one(lengths):
    loads = loads_of(best_fit(lengths, CAPACITY), lengths)
    assert all(one + other > CAPACITY for one, other in combinations(loads, 2))


@given(LENGTHS)
def test_it_is_the_best_fit_that_looks_at_every_bin(lengths):
    loads = loads_of(best_fit(lengths, CAPACITY), lengths)
    assert sorted(loads) == plain_best_fit(lengths, CAPACITY)


@given(LENGTHS)
def test_bins_do_not_change_from_call_to_call_or_with_the_kind_of_array(lengths):
    assert best_fit(lengths, CAPACITY) == best_fit(np.array(lengths), CAPACITY)


@pytest.mark.parametrize("seed", range(5))
def test_lengths_like_those_of_instructions_take_no_more_bins_than_first_fit(seed):
    drawn = np.random.default_rng(seed).lognormal(4, 0.6, 400)
    lengths = np.clip(drawn.astype(int), 1, 512).tolist()
    bins = best_fit(lengths, 512)
    assert len(bins) <= len(first_fit(lengths, 512))
    assert sum(lengths) / (512 * len(bins)) > 0.95


def sequence(*tokens, targets=None):
    return TokenSequence.of(tokens, targets or [True] * len(tokens))


def test_a_batch_restarts_its_positions_and_keeps_targets_and_weights_apart():
    asked = Example((sequence(5, 6, 7, targets=[False, False, True]),), weight=0.5)
    packs = [Pack((asked, Example((sequence(8, 9),), weight=2.0))), Pack((asked,))]
    batch = collate_packs(packs, pad_id=1)
    assert {name: array.tolist() for name, array in batch.items()} == {
        "input_ids": [[5, 6, 7, 8, 9], [5, 6, 7, 1, 1]],
        "labels": [[-100, -100, 7, -100, 9], [-100, -100, 7, -100, -100]],
        "position_ids": [[0, 1, 2, 0, 1], [0, 1, 2, 0, 1]],
        # Flat places of the targets among those that are predicted, four in a row.
        "targets": [1, 3, 5],
        "weight": [[0.5, 0.5, 0.5, 2.0, 2.0], [0.5, 0.5, 0.5, 1.0, 1.0]],
    }
    assert all(batch[name].dtype == np.int64 for name in ("input_ids", "labels", "position_ids"))


def test_packs_are_read_back_as_they_were_written(tmp_path):
    examples = [Example((sequence(*range(2, 2 + n)),), weight=float(n)) for n in (4, 2, 3)]
    write(tmp_path / "set", examples)
    write_packs(tmp_path / "set", [[0, 2], [1]])
    packs = Packs(Examples(tmp_path / "set"))
    assert (len(packs), packs.lengths.tolist()) == (2, [7, 2])
    assert [[each.weight for each in pack.examples] for pack in packs] == [[4.0, 3.0], [2.0]]
    assert packs[0].joined().tokens.tolist() == [2, 3, 4, 5, 2, 3, 4]


def test_a_set_that_was_not_packed_says_so(tmp_path):
    write(tmp_path / "set", [Example((sequence(2, 3),))])
    with pytest.raises(DataError, match="prepared without"):
        Packs(Examples(tmp_path / "set"))
