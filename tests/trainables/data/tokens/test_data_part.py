"""The part of a set that is measured before a trial's end."""

from __future__ import annotations

import numpy as np
import pytest

from trainables.data.tokens.examples import Example, Examples, write
from trainables.data.tokens.part import part_of
from trainables.data.tokens.sequences import TokenSequence


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """30 pairs of unequal lengths, numbered by their labels and from place 100 on."""
    folder = tmp_path_factory.mktemp("part") / "pairs"
    pairs = [
        (TokenSequence.of([n] * (n + 1), [True] * (n + 1)), TokenSequence.of([n], [True]))
        for n in range(30)
    ]
    write(folder, [Example(pair, label=float(n), weight=n / 7) for n, pair in enumerate(pairs)])
    return Examples(folder, first_place=100)


def test_each_example_keeps_what_belongs_to_it(examples):
    part = part_of(examples, 7, seed=3)
    assert len(part) == len(set(part.places)) == 7
    for number, place in enumerate(part.places):
        assert part[number].place == 100 + place == 100 + part.labels[number]
        assert part.lengths[number] == place + 2 == sum(len(s.tokens) for s in part[number][0])
        assert part.weights[number] == place / 7


def test_it_is_the_same_for_the_same_seed_and_data_and_another_for_others(examples):
    places = part_of(examples, 7, seed=3).places
    assert (part_of(examples, 7, seed=3).places == places).all()
    assert set(part_of(examples, 7, seed=4).places) != set(places)


def test_a_larger_part_has_all_of_a_smaller_one(examples):
    assert set(part_of(examples, 7, seed=3).places) < set(part_of(examples, 8, seed=3).places)


@pytest.mark.parametrize("wanted", ["all", 30, 31])
def test_a_part_of_all_examples_is_none(examples, wanted):
    assert part_of(examples, wanted, seed=3) is None


def test_with_the_rest_it_is_the_whole_set(examples):
    part = part_of(examples, 7, seed=3)
    rows = np.random.default_rng(0).normal(size=(30, 2))
    assert (part.joined(rows[part.places], rows[part.rest.places]) == rows).all()
