"""Trials that a user asks for, in Optuna's study."""

from __future__ import annotations

import dataclasses

import optuna
import pytest
from books import SEARCHING, drawn
from optuna.trial import TrialState
from spec_samples import toy_tree

from results.records.record import Measurement, TrialRecord
from results.records.request import TrialRequest
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SweepSpec

SPACE = SEARCHING.space


def asked(**params) -> TrialRequest:
    params = {name.replace("lora_", "lora."): value for name, value in params.items()}
    return TrialRequest(kind="add", made=1.0, params=params)


def opened(tmp_path, spec: SweepSpec = SEARCHING, records=()) -> StudyBook:
    return StudyBook(open_study(spec, tmp_path / "journal"), spec.search, records)


def states(tmp_path, spec: SweepSpec = SEARCHING) -> list[TrialState]:
    return [trial.state for trial in open_study(spec, tmp_path / "journal").get_trials()]


def complete(number: int, loss: float) -> TrialRecord:
    measured = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics={"eval_loss": loss})
    return TrialRecord(sweep="toy", number=number, status="complete", measurements=(measured,))


def test_it_comes_before_the_points_that_wait_and_the_sampler_fills_in_the_rest(tmp_path):
    points = ({"learning_rate": 1e-3}, {"learning_rate": 1e-4})
    book = opened(tmp_path, dataclasses.replace(SEARCHING, first_points=points))
    assert drawn(book, 1)[0]["learning_rate"] == 1e-3
    book.queue({"a": asked(lora_rank=16), "b": asked(learning_rate=5e-4)}, SPACE)
    assert book.added == 2
    number, first = book.draw(SPACE)
    assert number == 2 and first["lora.rank"] == 16 and "learning_rate" in first
    assert book.draw(SPACE)[1]["learning_rate"] == 5e-4
    assert book.origin(2).added_by_hand
    assert book.draw(SPACE)[1]["learning_rate"] == 1e-4


def test_a_request_is_queued_once_also_by_the_next_process(tmp_path):
    requests = {"a": asked(lora_rank=16)}
    book = opened(tmp_path)
    assert book.queue(requests, SPACE) == ["a"] and book.queue(requests, SPACE) == []
    again = opened(tmp_path)
    assert again.queue(requests, SPACE) == [] and again.added == 1
    assert states(tmp_path) == [TrialState.WAITING]


@pytest.mark.parametrize("begun", [False, True])
def test_what_was_taken_up_before_a_kill_is_drawn_by_the_next_process(tmp_path, begun):
    book = opened(tmp_path)
    drawn(book, 3)
    book.queue({"a": asked(learning_rate=2e-3)}, SPACE)
    whole = opened(tmp_path).draw(SPACE) if not begun else book.draw(SPACE)
    # Without a record of it, the next process knows of it from the study only.
    again = opened(tmp_path, records=[complete(n, 1.0) for n in range(3)])
    assert again.draw(SPACE) == whole and whole[1]["learning_rate"] == 2e-3


def test_values_outside_of_the_space_are_trained_and_kept_from_the_sampler(tmp_path):
    book = opened(tmp_path)
    drawn(book, 1)
    book.queue({"a": asked(learning_rate=0.7, lora_dropout=0.1)}, SPACE)
    number, params = book.draw(SPACE)
    assert number == 1 and params["learning_rate"] == 0.7 and params["lora.dropout"] == 0.1
    assert params["lora.rank"] in (4, 16), "drawn"
    book.measured(complete(1, 0.1).with_changes(status="running"))
    assert not open_study(SEARCHING, tmp_path / "journal").get_trials()[1].intermediate_values
    book.ended(complete(1, 0.1))
    last = open_study(SEARCHING, tmp_path / "journal").get_trials()[1]
    assert last.state is TrialState.FAIL and "learning_rate" not in last.params
    assert last.user_attrs["outside_space"] == {"learning_rate": 0.7, "lora.dropout": 0.1}


def test_a_finite_space_repeats_a_combination_only_by_hand(tmp_path):
    spec = SweepSpec.parse(
        toy_tree(search={"sampler": "grid"}, space={"lora.rank": {"choice": [4, 8]}}, budget={})
    )
    book = opened(tmp_path, spec)
    assert book.draw(spec.space) == (0, {"lora.rank": 4})
    book.queue({"a": asked(lora_rank=4)}, spec.space)
    assert book.draw(spec.space) == (2, {"lora.rank": 4})
    assert book.draw(spec.space) == (1, {"lora.rank": 8})
    records = [complete(n, 1.0) for n in range(3)]
    assert opened(tmp_path, spec, records).given == 3


def test_a_stopped_trial_that_nothing_trained_counts_as_given(tmp_path):
    book = opened(tmp_path)
    book.draw(SPACE)
    again = opened(tmp_path)
    assert again.given == 0, "it is to go on"
    again.ended(TrialRecord(sweep="toy", number=0, status="pruned"))
    assert again.given == 1 and states(tmp_path) == [TrialState.PRUNED]


def test_the_dashboards_view_of_it(tmp_path):
    """The study itself says what was asked for, and of which trial it is a clone."""
    book = opened(tmp_path)
    request = asked(learning_rate=2e-3).with_changes(cloned_from=0)
    drawn(book, 1)
    book.queue({"a": request}, SPACE)
    book.draw(SPACE)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    storage = optuna.storages.JournalStorage(backend)
    trial = optuna.load_study(study_name="toy", storage=storage).get_trials()[1]
    assert trial.user_attrs == {"request": "a", "cloned_from": 0}
