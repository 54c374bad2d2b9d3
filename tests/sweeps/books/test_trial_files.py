from __future__ import annotations

import random
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from spec_samples import toy_tree

from results.ranking.front import judge
from results.records.record import Measurement, TrialRecord
from sweeps.base.view import View
from sweeps.books.books import Books, new_record
from sweeps.home.home import SweepHome
from sweeps.run.driver.searching import Searching
from sweeps.spec.spec import SweepSpec
from trainables.training.checkpoints import Checkpoint, Checkpoints

CALLS: Counter[str] = Counter()
"""What Python has asked of the file system, while it is counted."""

_counting = False


def _count(event: str, arguments: tuple) -> None:
    if _counting and event.startswith(("os.", "shutil.", "open", "glob.", "pathlib.")):
        CALLS[event] += 1


sys.addaudithook(_count)  # there is no way to take one back


@contextmanager
def counted():
    global _counting
    CALLS.clear()
    _counting = True
    try:
        yield CALLS
    finally:
        _counting = False


ONE_METRIC = {"metric": "eval_loss"}
TWO_METRICS = {"metrics": {"eval_loss": "min", "eval_cost": "min"}}


def spec_of(search: dict, **slots) -> SweepSpec:
    return SweepSpec.parse(toy_tree(search={"seed": 1, **search}, slots=slots))


def books_of(home: Path, search: dict, **slots) -> Books:
    spec = spec_of(search, **slots)
    where = SweepHome(home)
    folder = where.sweep(spec.name)
    folder.take_name()
    return Books(spec, where, folder, new_record(spec, None))


def trial(number: int, status: str = "complete", loss: float = 1.0, cost: float = 1.0):
    metrics = {"eval_loss": loss, "eval_cost": cost}
    measured = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics=metrics)
    return TrialRecord(sweep="toy", number=number, status=status, measurements=[measured])


def leave_files(books: Books, number: int) -> None:
    """As a slot does, of a trial that may yet win."""
    folder = books._folder.store.trial_folder(number)
    for name in ("best", "checkpoints/checkpoint-1"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "model.safetensors").touch()


def kept(home: Path, name: str) -> set[int]:
    return {int(path.parent.name) for path in home.glob(f"sweeps/toy/trials/*/{name}")}


def calls_of(home: Path, trials: int, search: dict) -> int:
    """File system calls of a sweep whose trials end one after the other, each better."""
    books = books_of(home, search)
    searching = Searching(spec_of(search), books._folder, books, View(), study=None, fleet=None)
    with counted() as calls:
        for number in range(trials):
            record = trial(number, loss=1 / (1 + number), cost=1 / (1 + number))
            searching.changed(record)
    return calls.total()


@pytest.mark.parametrize("search", [ONE_METRIC, TWO_METRICS], ids=["one", "several"])
def test_ten_times_the_trials_are_ten_times_the_calls_of_the_file_system(tmp_path, search):
    few, many = calls_of(tmp_path / "few", 20, search), calls_of(tmp_path / "many", 200, search)
    assert few > 0 and many <= 12 * few


@pytest.mark.parametrize("search", [ONE_METRIC, TWO_METRICS], ids=["one", "several"])
@pytest.mark.parametrize("keep_best", [1, 3])
def test_in_whatever_order_trials_end_what_the_ranking_of_all_of_them_keeps_is_kept(
    tmp_path, search, keep_best
):
    books, ended = books_of(tmp_path, search, keep_best=keep_best), []
    drawn = random.Random(0)
    books.drop_files([])
    for number in drawn.sample(range(30), 30):
        status = drawn.choice(["complete", "complete", "pruned", "failed", "running"])
        record = trial(number, status, drawn.choice([1.0, 2.0, 3.0]), drawn.choice([1.0, 2.0, 3.0]))
        leave_files(books, number)
        books.drop_files([record])
        ended += [record]
        ranking = judge(ended, books.sweep.goals)
        best = ranking.chosen if ranking.several else ranking.winners[:keep_best]
        running = {each.number for each in ended if not each.status.ended}
        assert kept(tmp_path, "best") == {each.record.number for each in best} | running
        assert kept(tmp_path, "checkpoints") == running


def test_what_a_killed_process_left_is_dropped_when_the_sweep_goes_on(tmp_path):
    books = books_of(tmp_path, ONE_METRIC)
    for number in range(3):
        leave_files(books, number)
    books.drop_files([trial(0, loss=1.0), trial(1, loss=2.0), trial(2, "interrupted")])
    assert (kept(tmp_path, "best"), kept(tmp_path, "checkpoints")) == ({0, 2}, {2})
    books.drop_files([trial(2, loss=3.0)])
    assert (kept(tmp_path, "best"), kept(tmp_path, "checkpoints")) == ({0}, set())


def test_what_a_slot_writes_when_its_trial_was_stopped_already_is_dropped_with_the_next(tmp_path):
    books = books_of(tmp_path, ONE_METRIC)
    books.drop_files([trial(0, loss=1.0), trial(1, "pruned")])
    leave_files(books, 1)
    books.drop_files([trial(2, "failed")])
    assert kept(tmp_path, "best") == kept(tmp_path, "checkpoints") == set()


def test_a_checkpoint_that_a_slot_is_writing_stays_until_no_slot_trains(tmp_path):
    """The slot of a trial that was stopped hears of it after its step, and may be writing then."""
    books = books_of(tmp_path, ONE_METRIC)
    leave_files(books, 0)
    folder = books._folder.store.trial_folder(0) / "checkpoints"
    checkpoints = Checkpoints(folder, 0.0, "one")

    def stopped_meanwhile(draft):
        books.drop_files([trial(0, "pruned")])
        (draft / "checkpoint-2").mkdir()
        (draft / "checkpoint-2" / "weights").touch()

    checkpoints.write(Checkpoint(2, 1.0, 1), stopped_meanwhile)
    assert [each.name for each in folder.iterdir()] == ["checkpoint-2"]
    (folder / ".partial").mkdir()  # of a slot that was killed then
    books.drop_files([trial(1, "failed")])
    assert [each.name for each in folder.iterdir()] == [".partial"]
    books.drop_files([trial(0, "pruned"), trial(1, "failed")], settled=True)
    assert not folder.exists()


def test_a_winner_that_trains_nothing_leaves_the_best_trained_trial_its_weights(tmp_path):
    books = books_of(tmp_path, ONE_METRIC)
    prompted = trial(0, loss=1.0).with_changes(config={"method": "none"})
    for number in (1, 2):
        leave_files(books, number)
    books.drop_files([prompted, trial(1, loss=2.0), trial(2, loss=3.0)])
    assert kept(tmp_path, "best") == {1}
