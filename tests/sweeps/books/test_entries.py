"""Which entries are written together."""

from __future__ import annotations

import threading

import pytest

from results.records.record import Measurement, TrialRecord
from sweeps.books import entries as module
from sweeps.books.entries import Entries, Entry, together


def named(name, **info):
    return Entry(lambda log: log.append(name), **info)


def names(taken):
    log = []
    for entry in taken:
        entry.write(log)
    return log


def ended(points):
    measured = tuple(
        Measurement(point=p, step=p, tokens=p, seconds=p, metrics={"eval_loss": 1.0})
        for p in range(1, points + 1)
    )
    return TrialRecord(sweep="s", number=0, status="complete", measurements=measured)


def test_a_trials_entries_are_taken_with_its_first_and_the_sweeps_own_alone():
    entries = Entries()
    for name, trial in [("a1", 1), ("sweep", None), ("b1", 2), ("a2", 1), ("end", None), ("b2", 2)]:
        entries.put(named(name), trial)
    entries.close()
    taken = [names(entries.take()) for _ in range(5)]
    assert taken == [["a1", "a2"], ["sweep"], ["b1", "b2"], ["end"], []]


def test_an_entry_after_those_that_were_taken_is_taken_later():
    entries = Entries()
    entries.put(named("a1"), 1)
    entries.close()
    assert names(entries.take()) == ["a1"]
    entries.put(named("a2"), 1)
    assert names(entries.take()) == ["a2"]


def test_the_start_of_a_trial_waits_for_others_until_the_close(monkeypatch):
    monkeypatch.setattr(module, "LINGER", 3600.0)
    entries, taken = Entries(), []
    entries.put(named("a1", begins=True), 1)
    writer = threading.Thread(target=lambda: taken.extend(names(entries.take())))
    writer.start()
    entries.put(named("a2"), 1)
    entries.close()
    writer.join()
    assert taken == ["a1", "a2"]


def test_later_entries_of_a_trial_do_not_wait(monkeypatch):
    monkeypatch.setattr(module, "LINGER", 3600.0)
    entries = Entries()
    entries.put(named("a2"), 1)
    assert names(entries.take()) == ["a2"]


class Tracker:
    """Notes which trial is said to be whole."""

    def together(self, ended):
        self.ended = ended
        return threading.Lock()


@pytest.mark.parametrize(
    ("measured", "begins", "whole"), [(2, True, True), (1, True, False), (2, False, False)]
)
def test_a_trial_is_whole_with_its_start_its_end_and_all_measurements(measured, begins, whole):
    record, tracker = ended(2), Tracker()
    parts = [Entry(lambda t: None) for _ in range(measured)]
    together(
        [Entry(lambda t: None, begins=begins), *parts, Entry(lambda t: None, ended=record)]
    ).write(tracker)
    assert tracker.ended is (record if whole else None)
