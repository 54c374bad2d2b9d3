from __future__ import annotations

import numpy as np
import pytest

from trainables.data.tokens.batches import order, pad
from trainables.data.tokens.sequences import TokenSequence


def test_a_batch_is_padded_on_the_right_and_only_targets_have_labels():
    batch = pad(
        [
            TokenSequence.of([5, 6, 7], [False, False, True]),
            TokenSequence.of([8, 9], [False, True]),
        ],
        pad_id=9,
    )
    assert {name: array.tolist() for name, array in batch.items()} == {
        "input_ids": [[5, 6, 7], [8, 9, 9]],
        "attention_mask": [[1, 1, 1], [1, 1, 0]],
        "labels": [[-100, -100, 7], [-100, 9, -100]],
        "targets": [1, 2],
    }
    assert all(array.dtype == np.int64 for array in batch.values())


def test_each_epoch_is_a_fresh_permutation():
    epochs = order(10, 30, seed=1).reshape(3, 10)
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_a_shorter_stream_is_the_beginning_of_a_longer_one(count):
    assert order(10, count, seed=3).tolist() == order(10, 100, seed=3)[:count].tolist()


def test_seeds_give_different_streams():
    assert order(50, 50, seed=0).tolist() != order(50, 50, seed=1).tolist()
