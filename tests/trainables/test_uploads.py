"""What is asked for is done in its order, beside whoever asks."""

from __future__ import annotations

import threading

import pytest

from trainables.errors import StorageError
from trainables.uploads import Uploads


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
        later = uploads.put(lambda: done.append("second") or 2)
        assert done == []
        begin.set()
        assert later.result() == 2
        uploads.put(lambda: done.append("third"))
    assert done == ["first", "second", "third"]


def test_what_an_evaluation_left_does_not_wait_for_a_checkpoint():
    begin, done = threading.Event(), []
    with Uploads() as uploads:
        uploads.put_checkpoint(held_up_by(begin, done, "files"))
        uploads.put(lambda: done.append("weights")).result()
        begin.set()
    assert done == ["weights", "files"]


def test_a_checkpoint_is_vouched_for_after_all_that_was_left_before():
    begin, done = threading.Event(), []
    with Uploads() as uploads:
        uploads.put(held_up_by(begin, done, "weights"))
        uploads.put_checkpoint(lambda: done.append("files")).result()
        uploads.vouch(lambda: done.append("seal"))
        begin.set()
    assert done == ["files", "weights", "seal"]


def test_nothing_follows_what_failed_and_that_is_told():
    begin, done = threading.Event(), []
    with pytest.raises(StorageError, match="away"), Uploads() as uploads:
        uploads.put(lambda: done.append(1))
        uploads.put(held_up_by(begin, done, "weights"))
        uploads.put(fails)
        uploads.put(lambda: done.append(2))
        uploads.put_checkpoint(lambda: done.append("files")).result()
        uploads.vouch(lambda: done.append("seal"))
        begin.set()
    assert done == [1, "files", "weights"]


def test_what_failed_does_not_hide_why_the_block_ended():
    with pytest.raises(ZeroDivisionError), Uploads() as uploads:
        uploads.put(fails)
        raise ZeroDivisionError
