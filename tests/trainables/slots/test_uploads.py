"""What is asked for is done in its order, beside whoever asks."""

from __future__ import annotations

import threading

import pytest

from trainables.core.errors import StorageError
from trainables.slots.uploads import Uploads


def fails():
    raise StorageError("s3://bucket", "away")


def held_up_by(event, done, name):
    def upload():
        assert event.wait(60)
        done.append(name)

    return upload


def test_one_follows_the_other_and_nobody_waits_for_them():
    begin, done = threading.Event(), []
    with Uploads() as uploads:
        uploads.put(held_up_by(begin, done, "first"))
        later = uploads.put(lambda: done.append("second"))
        assert done == []
        begin.set()
        later.result()
        uploads.put(lambda: done.append("third"))
    assert done == ["first", "second", "third"]


def test_what_an_evaluation_left_does_not_wait_for_a_checkpoint():
    begin, done = threading.Event(), []
    with Uploads() as uploads:
        uploads.put_checkpoint(held_up_by(begin, done, "files"))
        uploads.put(lambda: done.append("weights")).result()
        begin.set()
    assert done == ["weights", "files"]


def test_what_counts_only_after_all_that_was_left_before_can_wait_for_it():
    begin, done = threading.Event(), []
    with Uploads() as uploads:
        uploads.put(held_up_by(begin, done, "weights"))
        left = uploads.all_left()
        uploads.put_checkpoint(lambda: done.append("files")).result()
        assert not left.done()
        begin.set()
        left.result()
        assert done == ["files", "weights"]


def test_nothing_follows_what_failed_and_that_is_told():
    done = []
    with pytest.raises(StorageError, match="away"), Uploads() as uploads:
        uploads.put(lambda: done.append(1))
        before = uploads.all_left()
        uploads.put(fails)
        uploads.put(lambda: done.append(2))
        left = uploads.all_left()
        before.result()
        with pytest.raises(StorageError):
            left.result()
    assert done == [1]


def test_a_checkpoint_that_fails_is_told_and_keeps_no_later_one_away():
    done = []
    with pytest.raises(StorageError, match="away"), Uploads() as uploads:
        uploads.put_checkpoint(fails)
        uploads.put_checkpoint(lambda: done.append("the next one")).result()
    assert done == ["the next one"]


def test_what_failed_does_not_hide_why_the_block_ended():
    with pytest.raises(ZeroDivisionError), Uploads() as uploads:
        uploads.put(fails)
        raise ZeroDivisionError
