"""What breaks down beside the trials is shown, and stands in the sweep's record."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from spec_samples import toy_tree

from results.ranking.summary import status_json
from results.records.record import SweepState
from sweeps.base.breakdowns import LONGEST, MOST, Breakdowns
from sweeps.books.books import Books, new_record, resumed_record
from sweeps.home.home import SweepHome
from sweeps.report.status import show_status
from sweeps.spec.spec import SweepSpec

SPEC = SweepSpec.parse(toy_tree())


@pytest.fixture
def folder(tmp_path):
    folder = SweepHome(tmp_path).sweep("toy")
    folder.take_name()
    return folder


def test_each_is_told_once_and_none_grows_without_bound():
    told = []
    broken = Breakdowns(told.append)
    for text in ("the watch broke down", "the watch broke down", "x" * 10_000):
        broken(text)
    assert told[0] == "Warning: the watch broke down" and len(told) == 2
    assert [len(text) for text in broken.texts] == [len("the watch broke down"), LONGEST]
    for number in range(100):
        broken(str(number))
    assert len(told) == MOST


def test_they_stand_on_record_while_it_runs_and_are_kept_when_it_goes_on(folder, tmp_path):
    def books_of(record):
        broken = Breakdowns(lambda text: None)
        return Books(SPEC, SweepHome(tmp_path), folder, record, breakdowns=broken)

    books = books_of(new_record(SPEC, None))
    books.breakdowns("The watch broke down")
    books.note_breakdowns()
    assert folder.store.sweep().breakdowns == ("The watch broke down",)
    books.close(SweepState.INTERRUPTED, [])
    again = books_of(resumed_record(folder.store.sweep(), SPEC, []))
    again.breakdowns("The mirror broke down")
    again.close(SweepState.COMPLETE, [])
    assert folder.store.sweep().breakdowns == ("The watch broke down", "The mirror broke down")


def test_status_shows_them_to_people_and_to_scripts(folder):
    sweep = new_record(SPEC, None)
    assert "breakdowns" not in status_json(sweep, [])
    sweep = sweep.with_changes(breakdowns=("The watch broke down",))
    assert status_json(sweep, [])["breakdowns"] == ["The watch broke down"]
    console = Console(file=io.StringIO(), width=300)
    show_status(console, sweep, [], folder)
    assert "warning: The watch broke down" in console.file.getvalue()
