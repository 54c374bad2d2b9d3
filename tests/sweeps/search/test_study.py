"""What a process that was killed in the middle of a write leaves to the next one."""

from __future__ import annotations

import dataclasses

import pytest
from books import SEARCHING, drawn

from results.records.record import TrialRecord
from sweeps.base.errors import LaunchError
from sweeps.search.study import StudyBook, open_study

POINTS = tuple({"learning_rate": rate, "lora.rank": 4} for rate in (1e-3, 1e-4, 1e-5))


@pytest.mark.parametrize("points", [(), POINTS, ({"lora.rank": 16}, {"lora.rank": 4})])
@pytest.mark.parametrize("before", [0, 1, 4])
def test_a_trial_that_was_asked_for_in_vain_is_drawn_as_it_would_have_been(
    tmp_path, points, before
):
    spec = dataclasses.replace(SEARCHING, first_points=points)
    undisturbed = drawn(StudyBook(open_study(spec, tmp_path / "whole"), spec.search), 6)
    first = StudyBook(open_study(spec, tmp_path / "cut"), spec.search)
    found = drawn(first, before)
    first.ask()
    second = StudyBook(open_study(spec, tmp_path / "cut"), spec.search)
    assert found + drawn(second, 6 - before) == undisturbed


@pytest.mark.parametrize("queued", [0, 1, 2, 3])
def test_points_that_were_not_queued_any_more_are_queued(tmp_path, queued):
    cut = dataclasses.replace(SEARCHING, first_points=POINTS[:queued])
    open_study(cut, tmp_path / "journal")
    spec = dataclasses.replace(SEARCHING, first_points=POINTS)
    book = StudyBook(open_study(spec, tmp_path / "journal"), spec.search)
    assert drawn(book, 3) == list(POINTS)
    assert len(open_study(spec, tmp_path / "journal").get_trials()) == 3


@pytest.mark.parametrize("points", [(), POINTS])
def test_a_journal_that_was_emptied_does_not_have_trials_run_once_more(tmp_path, points):
    spec = dataclasses.replace(SEARCHING, first_points=points)
    drawn(StudyBook(open_study(spec, tmp_path / "journal"), spec.search), 2)
    records = [TrialRecord(sweep="toy", number=n, status="complete") for n in range(2)]
    StudyBook(open_study(spec, tmp_path / "journal"), spec.search, records)
    (tmp_path / "journal").write_text("")
    with pytest.raises(LaunchError, match="lacks recorded trial 0"):
        StudyBook(open_study(spec, tmp_path / "journal"), spec.search, records)
