from __future__ import annotations

import pickle

import numpy as np
import pytest

from trainables.core.atomic import publish
from trainables.core.data_error import DataError
from trainables.data.tokens.sequences import Sequences, TokenSequence, write

WRITTEN = [
    TokenSequence.of([5, 6, 7], [True, False, True]),
    TokenSequence.of([8], [True]),
    TokenSequence.of([9, 70000], [False, True]),
]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "store", WRITTEN)
    return tmp_path / "store"


def test_what_was_written_is_read_back(folder):
    store = Sequences.open(folder)
    assert [(list(t), list(m)) for t, m in store] == [
        ([5, 6, 7], [False, False, True]),
        ([8], [False]),
        ([9, 70000], [False, True]),
    ]
    assert (len(store), list(store.lengths), list(store.target_counts)) == (3, [3, 1, 2], [1, 0, 1])
    assert list(store[-1].tokens) == [9, 70000]


def test_reading_maps_the_file_and_copies_nothing(folder):
    tokens, targets = Sequences.open(folder)[2]
    for view, dtype in ((tokens, np.int32), (targets, np.bool_)):
        assert view.dtype == dtype and not view.flags.owndata and not view.flags.writeable
        assert isinstance(view, np.memmap)


def test_an_index_beyond_the_end_is_an_error(folder):
    store = Sequences.open(folder)
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"sequence {index} of 3"):
            store[index]


def test_a_pickle_holds_the_folder_and_not_the_tokens(tmp_path):
    write(tmp_path / "big", [TokenSequence.of([1] * 10_000, [True] * 10_000)])
    pickled = pickle.dumps(Sequences.open(tmp_path / "big"))
    assert len(pickled) < 1000
    assert list(pickle.loads(pickled).lengths) == [10_000]


def test_a_folder_that_is_none_and_another_version_are_refused(folder, tmp_path):
    with pytest.raises(DataError, match="holds no token sequences"):
        Sequences.open(tmp_path)
    (folder / "meta.json").write_text('{"version": 99}')
    with pytest.raises(DataError, match="has version 99, not 1; move it away"):
        Sequences.open(folder)


def test_the_first_of_two_builders_at_once_wins_and_both_end_well(tmp_path):
    target = tmp_path / "store"

    def slow(temporary):
        publish(target, lambda other: (other / "who").write_text("fast"))
        (temporary / "who").write_text("slow")

    publish(target, slow)
    assert (target / "who").read_text() == "fast"
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_build_that_fails_leaves_nothing(tmp_path):
    def broken(temporary):
        (temporary / "half").write_text("x")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        publish(tmp_path / "store", broken)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_the_folder(tmp_path):
    def full(_):
        raise OSError("96104 requested and 75744 written")  # NumPy's words for it

    with pytest.raises(OSError, match="No space left") as told:
        publish(tmp_path / "store", full)
    assert told.value.filename == str(tmp_path / "store")
    assert list(tmp_path.iterdir()) == []
