"""Two heads never run one sweep: whoever comes second watches whether the first one is alive."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from waiting import wait_until

from sweeps.base.errors import SweepError
from sweeps.storage import claim as module
from sweeps.storage.claim import Claim, TakenOverError
from trainables.storage.remote_folder import RemoteFolder

WAY_OUT = "the way out"
OTHERS = b'{"token": "x", "host": "other", "beat": 1}'
"""The sign of life of another head."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.02)
    monkeypatch.setattr(module, "SILENCE", 0.3)
    monkeypatch.setattr(module, "LOOK", 0.01)
    monkeypatch.setattr(module, "_SLOW", 600.0)  # a busy machine is no slow store


@pytest.fixture
def storage(tmp_path) -> RemoteFolder:
    return RemoteFolder((tmp_path / "store").as_uri())


@pytest.fixture
def claim_of(storage, tmp_path):
    """The claim of a head, each of which has a disk of its own."""

    def claim(head: str, token: str = "") -> Claim:
        folder = tmp_path / head / "sweeps" / "toy"
        folder.mkdir(parents=True, exist_ok=True)
        return Claim(storage, folder, token or head)

    return claim


def quietly(text):
    raise AssertionError(f"there is nothing to be told: {text}")


def killed(claim):
    """A head that had the sweep and is no more."""
    claim._take(quietly, WAY_OUT)
    return claim


def test_a_sweep_that_nobody_runs_is_had_at_once(claim_of, storage):
    with claim_of("first").held(quietly, WAY_OUT):
        pass
    with claim_of("second").held(quietly, WAY_OUT):
        assert set(storage.sizes()) == {"heads/toy.json"}


def test_a_head_that_is_alive_keeps_its_sweep(claim_of, monkeypatch):
    monkeypatch.setattr(module, "SILENCE", 60.0)
    told = []
    refused = pytest.raises(SweepError, match=r"'toy' is running on .*; the way out")
    with claim_of("first").held(quietly, WAY_OUT) as first:
        with refused, claim_of("second").held(told.append, WAY_OUT):
            raise AssertionError("both have it")
        first.renew()
    assert "Checking for" in told[0]


def test_a_lost_head_loses_its_sweep_and_hears_of_it_when_it_is_back(claim_of):
    first, told = killed(claim_of("first")), []
    with claim_of("second").held(told.append, WAY_OUT) as second:
        with pytest.raises(TakenOverError, match="has taken over this sweep"):
            first.renew()
        first._leave()
        second.renew()
    assert told


def test_it_hears_of_it_also_when_the_other_has_ended_the_sweep(claim_of):
    first = killed(claim_of("first"))
    with claim_of("second").held(lambda text: None, WAY_OUT):
        pass
    with pytest.raises(TakenOverError):
        first.renew()


def take_over(claim, storage):
    """What another head does, at a moment in which this one is not between its look and its sign;
    else its sign might cover the other's.
    """
    with claim._lock:
        storage.write("heads/toy.json", OTHERS)


def test_a_head_that_was_cut_off_is_told_at_the_end_of_its_work(claim_of, storage):
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(TakenOverError, match=r"^other has"))
        claim = stack.enter_context(claim_of("first").held(quietly, WAY_OUT))
        take_over(claim, storage)
        wait_until(lambda: claim.taken_over)
    assert storage.read("heads/toy.json") == OTHERS


def test_of_two_heads_one_ends_though_a_late_sign_of_the_first_covers_the_seconds(claim_of):
    first = killed(claim_of("first"))
    with (
        pytest.raises(TakenOverError, match="has taken over this sweep"),
        claim_of("second").held(lambda text: None, WAY_OUT) as second,
    ):
        with second._lock:
            first._give_sign()  # it looked before the second one began
        with pytest.raises(TakenOverError):
            second.renew(at_once=True)
    first.renew(at_once=True)


def test_nobody_waits_for_a_process_that_was_killed_on_the_same_head(claim_of):
    killed(claim_of("first", "a process"))
    with claim_of("first", "the next one").held(quietly, WAY_OUT):
        pass


def test_a_copy_of_a_sweeps_folder_gives_no_right_to_it(claim_of, storage, tmp_path):
    killed(claim_of("first", "a process"))
    copy, told = tmp_path / "copy" / "toy", []
    shutil.copytree(tmp_path / "first" / "sweeps" / "toy", copy)
    with Claim(storage, copy, "another").held(told.append, WAY_OUT):
        assert told


def test_a_head_that_leaves_meanwhile_is_not_waited_for(claim_of, monkeypatch):
    first = killed(claim_of("first"))
    monkeypatch.setattr(module, "SILENCE", 60.0)
    with claim_of("second").held(lambda text: first._leave(), WAY_OUT):
        pass


def test_a_sign_that_cannot_be_read_is_watched_like_any_other(claim_of, storage):
    storage.write("heads/toy.json", b"")
    told = []
    with claim_of("first").held(told.append, WAY_OUT) as first:
        storage.write("heads/toy.json", b"half a si")
        first.renew(at_once=True)
    assert "a head node with an unreadable heartbeat" in told[0]


def test_a_store_that_is_too_slow_to_tell_is_not_watched_for_ever(claim_of, monkeypatch):
    monkeypatch.setattr(module, "_SLOW", -1)
    killed(claim_of("first"))
    too_slow = pytest.raises(SweepError, match=r"too slow to tell whether .* still runs")
    with too_slow, claim_of("second").held(lambda text: None, WAY_OUT):
        pass


def test_of_two_that_begin_in_the_same_moment_one_is_refused(claim_of, storage, monkeypatch):
    begun = []

    def other_begins(seconds):
        begun.append(seconds)
        storage.write("heads/toy.json", OTHERS)

    monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), "sleep": other_begins}))
    refused = pytest.raises(SweepError, match="is running on other; the way out")
    with refused, claim_of("first").held(quietly, WAY_OUT):
        pass
    assert begun and storage.read("heads/toy.json") == OTHERS


def test_whatever_else_ends_the_sweep_that_it_was_taken_over_is_told(claim_of, storage):
    with pytest.raises(TakenOverError), claim_of("first").held(quietly, WAY_OUT) as first:
        take_over(first, storage)
        with pytest.raises(TakenOverError):
            first.renew(at_once=True)
        raise KeyboardInterrupt


def test_signs_of_life_that_break_down_are_told(claim_of, monkeypatch):
    def faulty(claim):
        raise TypeError("a store answers nonsense")

    monkeypatch.setattr(Claim, "renew", faulty)
    broken = []
    with claim_of("first").held(quietly, WAY_OUT, broken.append):
        wait_until(lambda: broken)
    assert "TypeError" in broken[0] and "another head node may consider this sweep" in broken[0]
