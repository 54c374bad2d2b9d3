"""Requests as a driver takes them up, with its own study and recorder; no Ray."""

from __future__ import annotations

import pytest
from books import SEARCHING

from results.records.record import Measurement
from results.records.request import TrialRequest
from sweeps.base.interruption import Interruption
from sweeps.books.books import new_record
from sweeps.books.mlflow_writer import Scribe
from sweeps.books.recorder import Recorder
from sweeps.home.home import SweepHome
from sweeps.run.driver.requests import RequestTaker
from sweeps.run.what_is_left import is_done
from sweeps.search.searcher import OptunaSearcher
from sweeps.search.study import StudyBook, open_study
from trainables.core.evaluation import Attempt


class Process:
    """What one process has of the sweep in `home`, and what it said."""

    def __init__(self, home) -> None:
        self.folder = SweepHome(home).sweep("toy")
        self.said: list[str] = []
        self.broken: list[str] = []
        self.cancelled: list[int] = []
        sweep = new_record(SEARCHING, None)
        records = [record.laid_aside() for record in self.folder.store.trials()]
        self.study = StudyBook(
            open_study(SEARCHING, self.folder.journal), SEARCHING.search, records
        )
        self.recorder = Recorder(
            sweep,
            self.folder.store,
            self.study,
            Scribe("sqlite://", "winnow", None),
            accept=lambda number: None,
            cancel=self.cancelled.append,
            board_lives=lambda: True,
            on_change=lambda record: None,
            interruption=Interruption(),
        )
        self.taker = RequestTaker(
            self.folder.requests,
            SEARCHING.space,
            self.study,
            self.recorder,
            self.said.append,
            self.broken.append,
        )
        self.searcher = OptunaSearcher(
            SEARCHING, self.study, self.folder.store.trial_folder, self.recorder
        )
        self.taker.look()


@pytest.fixture
def process(tmp_path) -> Process:
    SweepHome(tmp_path).sweep("toy").take_name()
    return Process(tmp_path)


def add(process: Process, rate: float) -> None:
    params = {"learning_rate": rate, "lora.rank": 4}
    process.folder.requests.add(TrialRequest(kind="add", made=1.0, params=params))


def stop(process: Process, number: int) -> None:
    process.folder.requests.add(TrialRequest(kind="stop", made=1.0, number=number))


def end(process: Process, number: int, status: str) -> None:
    measured = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics={"eval_loss": 2.0})
    record = process.recorder.records[number]
    process.recorder._end(record.with_changes(status=status, measurements=(measured,)))


def test_added_trials_extend_the_budget_and_end_the_sweep(process, tmp_path):
    add(process, 2e-3)
    process.taker.look()
    process.taker.look()
    assert process.said == ["By hand: a trial with learning_rate 0.002, lora.rank 4"]
    suggested = [process.searcher.suggest(str(n)) for n in range(7)]
    assert [each["trial"] for each in suggested] == list(range(7)), "6 by the file, and this one"
    record = process.folder.store.trials()[0]
    assert record.added_by_hand and record.params["learning_rate"] == 2e-3
    assert process.searcher.suggest("7") is None, "they may be added to, while they run"
    for number in range(7):
        end(process, number, "complete")
    assert process.searcher.suggest("7") == "FINISHED"


def test_a_request_while_the_last_trials_run_is_heard(process):
    for number in range(6):
        process.searcher.suggest(str(number))
    assert process.searcher.suggest("6") is None
    add(process, 2e-3)
    process.taker.look()
    assert process.searcher.suggest("6")["trial"] == 6


def test_a_trial_is_cancelled_until_its_slot_has_let_it_go(process):
    process.searcher.suggest("0")
    stop(process, 0)
    process.taker.look()
    process.taker.look()
    assert process.cancelled == [0, 0] and process.said == ["By hand: trial 0 is to stop"]
    end(process, 0, "pruned")
    process.taker.look()
    assert process.cancelled == [0, 0]
    assert process.folder.store.trials()[0].stopped_by_hand


def test_a_trial_that_is_complete_before_it_can_be_stopped_stays_so(process):
    process.searcher.suggest("0")
    stop(process, 0)
    process.taker.look()
    end(process, 0, "complete")
    assert not process.folder.store.trials()[0].stopped_by_hand


def test_a_killed_process_leaves_its_requests_to_the_next_one(process, tmp_path):
    process.searcher.suggest("0")
    add(process, 2e-3)
    process.taker.look()
    add(process, 3e-3)
    stop(process, 0)
    again = Process(tmp_path)
    assert again.said == [
        "By hand: a trial with learning_rate 0.003, lora.rank 4",
        "By hand: trial 0 is to stop",
    ]
    (stopped,) = again.folder.store.trials()
    assert stopped.status == "pruned" and stopped.stopped_by_hand, "nothing trains it"
    rates = [again.searcher.suggest(str(n))["config"].learning_rate for n in range(2)]
    assert rates == [2e-3, 3e-3]
    third = Process(tmp_path)
    assert third.said == [] and third.study.added == 2


def test_an_unreadable_request_is_told_once_and_the_sweep_goes_on(process):
    add(process, 2e-3)
    bad = process.folder.requests.folder / "1.json"
    bad.write_text("{")
    process.taker.look()
    process.taker.look()
    (told,) = process.broken
    assert str(bad) in told and process.study.added == 0
    bad.unlink()
    process.taker.look()
    assert process.study.added == 1


def test_a_sweep_with_a_request_that_waits_is_not_done(process):
    for number in range(6):
        process.searcher.suggest(str(number))
        end(process, number, "complete")
    sweep = new_record(SEARCHING, None).with_changes(state="complete")
    assert is_done(sweep, process.folder, SEARCHING)
    add(process, 2e-3)
    assert not is_done(sweep, process.folder, SEARCHING)


def test_room_given_before_the_first_trial_is_on_its_record_and_outlives_a_later_repair(process):
    given = {"micro_batch_size": 4, "gradient_checkpointing": 1}
    process.recorder.suggested(0, {}, SEARCHING.trial, repairs=given)
    record = process.folder.store.trials()[0]
    assert record.repairs == given and record.config["gradient_checkpointing"] is False
    halved = process.recorder._with_attempt(record, Attempt(number=2, micro_batch_size=2))
    assert halved.repairs == {"micro_batch_size": 2, "gradient_checkpointing": 1}
