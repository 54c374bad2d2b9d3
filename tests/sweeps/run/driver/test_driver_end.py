"""A sweep's end: every step of it is taken, also on a full disk and under Ctrl-C."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from fleets import fleet_of
from spec_samples import toy_tree

from results.records.record import ReachedCap, SweepState
from sweeps.base.errors import HeadLostError, LaunchError
from sweeps.base.interruption import Interruption
from sweeps.base.view import View
from sweeps.books.books import Books, new_record
from sweeps.books.recorder import Recorder
from sweeps.cluster.head_watch import HeadWatch
from sweeps.home.home import SweepHome
from sweeps.run.driver.driver import Driver
from sweeps.run.ends import ending
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SweepSpec

SPEC = SweepSpec.parse(toy_tree())


class Tracker:
    """An MLflow that is quick, and notes which sweeps it was told the end of."""

    ended = ()

    def __init__(self, *where): ...

    def start_sweep(self, record, spec_text, stamp):
        return "parent"

    def start_trial(self, record, parent):
        return f"run {record.number}"

    def end_trial(self, record, goals, stamp): ...

    def end_sweep(self, record, ranking, stamp):
        Tracker.ended += ((record.state, record.error),)


class Slots:
    """Only a Ray can have others."""

    closed = 0

    def close(self, patience, winding_up):
        self.closed += 1

    def lost(self):
        return None


@pytest.fixture
def home(tmp_path):
    return SweepHome(tmp_path)


@pytest.fixture
def driver(home, monkeypatch):
    """Of a sweep with three trials under way."""
    monkeypatch.setattr("results.mlflow.tracking.Tracker", Tracker)
    monkeypatch.setattr(Tracker, "ended", ())
    folder = home.sweep("toy")
    folder.take_name()
    books = Books(SPEC, home, folder, new_record(SPEC, None))
    books.open()
    books.wait_until_open()
    driver = Driver(SPEC, folder, None, books, View(), HeadWatch(lambda: "resume it"))
    driver._fleet = fleet_of(Slots())
    driver._recorder = Recorder(
        books.sweep,
        folder.store,
        StudyBook(open_study(SPEC, folder.journal), SPEC.search),
        books.scribe,
        accept=lambda number: None,
        cancel=lambda number: None,
        board_lives=lambda: True,
        on_change=lambda record: None,
        interruption=Interruption(),
    )
    for number in range(3):
        driver._recorder.suggested(number, {}, SPEC.trial)
    yield driver
    books.scribe.give_up("the test is over")


def cannot_be_written(home, number):
    """A trial's folder gives way to a file, as on a disk that takes nothing any more."""
    folder = home.sweep("toy").store.trial_folder(number)
    shutil.rmtree(folder)
    folder.write_text("")


def test_where_a_record_cannot_be_written_the_rest_is_closed_and_slots_give_up_their_gpus(
    driver, home
):
    cannot_be_written(home, 0)
    with pytest.raises(OSError, match="0000"):
        driver.end(SweepState.INTERRUPTED)
    assert driver._fleet.slots.closed == 1
    store = home.sweep("toy").store
    assert store.sweep().state is SweepState.INTERRUPTED
    (home.sweep("toy").store.trial_folder(0)).unlink()
    assert {record.status.value for record in store.trials()} == {"interrupted"}
    assert Tracker.ended == ((SweepState.INTERRUPTED, None),)


def test_where_the_sweeps_record_cannot_be_written_mlflow_is_told_and_the_slots_are_closed(
    driver, home
):
    home.sweep("toy").books.unlink()
    home.sweep("toy").books.mkdir()
    with pytest.raises(OSError, match=r"sweep\.json"):
        driver.end(SweepState.FAILED, "why")
    assert driver._fleet.slots.closed == 1
    assert Tracker.ended == ((SweepState.FAILED, "why"),)


@pytest.mark.parametrize("step", ["interrupt", "phase", "observer"])
def test_a_second_ctrl_c_skips_no_step(driver, home, step, monkeypatch):
    def pressed(*arguments):
        raise KeyboardInterrupt

    if step == "interrupt":
        driver._recorder.interrupt = pressed
    elif step == "observer":
        driver._fleet = replace(driver._fleet, observer=type("Observer", (), {"close": pressed})())
    else:
        monkeypatch.setattr(driver._view, "trials_end", pressed)
    with pytest.raises(KeyboardInterrupt):
        driver.end(SweepState.INTERRUPTED)
    assert driver._fleet.slots.closed == 1
    assert home.sweep("toy").store.sweep().state is SweepState.INTERRUPTED


def test_the_user_sees_what_ended_the_sweep_and_not_what_went_wrong_after_that(driver, home):
    cannot_be_written(home, 0)
    with pytest.raises(LaunchError, match="the board was lost 3 times"), ending(driver):
        raise LaunchError("the board was lost 3 times in a row")
    assert driver._fleet.slots.closed == 1


def test_without_rays_head_the_books_are_closed_and_nothing_is_asked_of_ray(driver, home):
    """Ray would not answer, and this process must end before Ray ends it."""
    driver._head.lost = True
    with pytest.raises(HeadLostError, match="resume it"), ending(driver):
        driver._end_of(driver._recorder._interruption, driver._recorder, driver._fleet.board)
    assert driver._is_to_end(repeats=False)()
    store = home.sweep("toy").store
    assert (store.sweep().state, store.sweep().error) == (SweepState.FAILED, "resume it")
    assert {record.status.value for record in store.trials()} == {"interrupted"}
    assert driver._fleet.slots.closed == driver._fleet.observer.closed == 0


def test_a_trial_that_a_rung_has_stopped_is_pruned_though_ctrl_c_comes_before_its_end(driver, home):
    """Else a resume would train it on: what a rung has decided is not decided again."""
    driver._recorder._interruption.requested = True
    for number, stopped in enumerate((True, False)):  # Tune's mark for the scheduler's decision
        about = {"config": {"trial": number}, "last_result": {"done": stopped, "outcome": None}}
        driver._recorder.on_trial_complete(0, [], type("Trial", (), about)())
    driver.end(SweepState.INTERRUPTED)
    statuses = [record.status.value for record in home.sweep("toy").store.trials()]
    assert statuses == ["pruned", "interrupted", "interrupted"]


def test_a_fault_of_the_books_halts_the_search_and_is_raised_in_the_end(driver):
    """Tune would take it for the trial's own, and go on."""

    def faulty(record):
        raise KeyError("a field that no record has")

    driver._recorder._on_change = faulty
    trial = type("Trial", (), {"config": {"trial": 1}})()
    driver._recorder.on_trial_start(0, [trial], trial)
    driver._recorder._on_change = lambda record: None
    assert driver._recorder._interruption.stop_all()
    with pytest.raises(KeyError, match="a field that no record has"):
        driver.end(SweepState.INTERRUPTED)
    assert driver._fleet.slots.closed == 1


def test_a_cap_that_is_spent_before_the_first_trial_fails_the_launch_and_is_told(driver, home):
    driver._caps.reached = ReachedCap(cap="hours", why="0.025 of 0.02 h are spent")
    records = driver._recorder.records
    records.update({n: each.with_changes(status="pruned") for n, each in records.items()})
    driver._at_cap(None, driver._recorder)
    assert home.sweep("toy").store.sweep().reached.cap == "hours"
    records.clear()
    with pytest.raises(LaunchError, match=r"budget\.hours: 0\.025 of 0\.02 h .* before the first"):
        driver._at_cap(None, driver._recorder)
