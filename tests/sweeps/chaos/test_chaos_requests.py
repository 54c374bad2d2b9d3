"""kill -9 of a sweep with requests for trials: none is lost, none fulfilled twice."""

from __future__ import annotations

import pytest
from books import check_books, folder_of, kill_driver, output_of, started, sweep, wait_until
from spec_samples import searching_tree

from sweeps.run import by_hand

pytestmark = pytest.mark.chaos


def test_requests_before_and_after_a_kill_are_fulfilled_once(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    tree = searching_tree(seconds=0.5, budget={"trials": 3, "evaluations": 4})
    folder = folder_of(home, "toy")
    with started(tree, home, until="trial 0 complete") as driver:
        by_hand.add(folder, ["learning_rate=0.001"])
        wait_until(lambda: "By hand: a trial with learning_rate 0.001" in output_of(home))
        by_hand.add(folder, ["learning_rate=0.002"])
        kill_driver(driver)
    by_hand.clone(folder, 0, ["lora.rank=16"])
    (running,) = (record.number for record in folder.trials() if not record.status.ended)
    by_hand.stop(folder, running)
    again = sweep("resume", "toy", home=home)
    assert again.returncode == 0, again.stderr
    check_books(home, "toy", trials=6)
    records = folder.store.trials()
    added = [record for record in records if record.added_by_hand]
    rates = sorted(record.params["learning_rate"] for record in added if record.cloned_from is None)
    assert rates == [0.001, 0.002]
    (clone,) = (record for record in added if record.cloned_from == 0)
    assert clone.params == {**records[0].params, "lora.rank": 16}
    assert records[running].stopped_by_hand and not records[running].status.can_win
    done = sweep("resume", "toy", home=home)
    assert done.returncode == 0 and "All trials have ended" in done.stdout
    assert len(folder.store.trials()) == 6
