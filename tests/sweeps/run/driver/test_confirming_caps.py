"""Repeats near a cap: what may still end in time waits for the news that decide."""

from __future__ import annotations

from finished_sweeps import ended_trial, sweep_tree, write_ended
from repeats import repeat

from sweeps.base.interruption import Interruption
from sweeps.base.view import View
from sweeps.books.books import Books
from sweeps.home.home import SweepHome
from sweeps.run.driver.cap_keeper import CapKeeper
from sweeps.run.driver.confirming import Confirming
from sweeps.search.admission import Admission
from sweeps.spec.spec import SweepSpec
from trainables.core.evaluation import Cost, Ending, Evaluation, Outcome

SECONDS = 100.0
LEFT = 110.0
"""Enough for what a trial is expected to take, not for what it surely takes."""

TREE = sweep_tree(
    budget={"trials": 6, "evaluations": 2, "hours": 1.0, "at_cap": "finish"},
    confirm={"top": 1, "seeds": 2},
)


def trials():
    params = {"learning_rate": 1e-3, "lora.rank": 8, "schedule": "cosine"}
    return [ended_trial(n, "complete", params, 3.0, 2.0, seconds=SECONDS) for n in range(6)]


def keeper(folder, repeats) -> CapKeeper:
    sweep = folder.store.sweep().with_changes(state="running", ended=None)
    now = sweep.created + 3600 - LEFT
    return CapKeeper(
        SweepSpec.parse(TREE), sweep, None, folder.store.trials, lambda: repeats, lambda: now
    )


def test_a_repeat_that_may_end_in_time_waits_for_those_under_way(tmp_path):
    folder = write_ended(tmp_path, trials(), TREE)
    params = folder.store.trials()[0].params
    running = repeat(0, 0, 1, 3.0, status="running", seconds=SECONDS / 2, points=2)
    caps = keeper(folder, [running])
    assert caps.admits_repeat(params, 1) is Admission.PERHAPS and caps.reached is None
    alone = keeper(folder, [])
    assert alone.admits_repeat(params, 1) is Admission.NEVER and alone.reached.cap == "hours"


def test_a_repeat_that_was_interrupted_near_its_end_needs_only_the_rest(tmp_path):
    folder = write_ended(tmp_path, trials(), TREE)
    half = repeat(0, 0, 1, 3.0, status="interrupted", seconds=SECONDS / 2, points=2)
    params = folder.store.trials()[0].params
    assert keeper(folder, [half]).admits_repeat(params, 0) is Admission.NOW


class Answer:
    def __init__(self, event):
        self.get = lambda: event

    def has_come(self):
        return True


class Board:
    """One whose slot trains at once."""

    def submit(self, job):
        pass

    def send_event(self, name, heard):
        cost = Cost(seconds=SECONDS, tokens=9)
        if heard < 2:
            return Answer(Evaluation(heard + 1, 10 * heard + 10, {"eval_loss": 2.5}, cost))
        return Answer(Outcome(Ending.COMPLETE, cost))


def test_the_rest_of_a_confirmation_goes_on_after_the_news(tmp_path):
    folder = write_ended(tmp_path, trials(), TREE, state="running", ended=None)
    sweep = folder.store.sweep().with_changes(provenance={"seed": 1})
    books = Books(SweepSpec.parse(TREE), SweepHome(tmp_path), folder, sweep)
    confirming = Confirming(SweepSpec.parse(TREE), folder, books, View(), Board(), "1 slot")
    recorder = confirming.recorder(interruption := Interruption(), lambda: True)
    answers = iter([Admission.NOW, Admission.PERHAPS, Admission.NOW])
    asked = []

    def admits(params, number):
        asked.append(number)
        return next(answers)

    confirming.run(trials(), lambda: 2, interruption, False, admits, lambda: None)
    assert asked == [0, 1, 1]
    assert [record.status.value for record in recorder.records.values()] == ["complete"] * 2
