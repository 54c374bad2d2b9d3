"""Requests at a running sweep, from outside of its process' main thread."""

from __future__ import annotations

import threading

import pytest
from books import check_books, folder_of, launch_here, wait_until, winners_of
from spec_samples import toy_tree

from results.records.record import TrialStatus
from sweeps.run import by_hand

pytestmark = pytest.mark.endtoend


def ask(home) -> None:
    """Two trials while the first one is trained, and the end of the fourth as soon as it runs."""
    folder = folder_of(home, "toy")
    wait_until((folder.store.trial_folder(0) / "record.json").exists)
    by_hand.add(folder, ["learning_rate=3e-4", "lora.rank=16"])
    by_hand.clone(folder, 0, [])
    wait_until((folder.store.trial_folder(3) / "record.json").exists)
    by_hand.stop(folder, 3)


@pytest.mark.ray
def test_trials_are_added_before_others_and_stopped_and_all_books_know(ray_cluster, tmp_path):
    tree = toy_tree(
        budget={"trials": 3, "evaluations": 6}, slots={"count": 1}, toy={"seconds": 0.4}
    )
    asking = threading.Thread(target=ask, args=[tmp_path])
    asking.start()
    done = launch_here(tree, tmp_path)
    asking.join()
    assert done.returncode == 0, done.stderr
    folder = check_books(tmp_path, "toy", trials=5)
    first, added, clone, stopped, last = folder.store.trials()
    assert added.params == {"learning_rate": 3e-4, "lora.rank": 16}
    assert added.added_by_hand and clone.added_by_hand
    assert not (first.added_by_hand or last.added_by_hand)
    assert clone.params == first.params and clone.cloned_from == 0
    assert clone.config["seed"] != first.config["seed"]
    assert stopped.status is TrialStatus.PRUNED and stopped.stopped_by_hand
    assert len(stopped.measurements) < 6 and last.status is TrialStatus.COMPLETE
    (left_out,) = winners_of(tmp_path, "toy")["left_out"]
    assert left_out["why"].startswith("stopped by hand ")
    for said in ("a trial with learning_rate 0.0003, lora.rank 16", "trial 3 is to stop"):
        assert f"By hand: {said}" in done.stdout
