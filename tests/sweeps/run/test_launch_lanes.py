"""A sweep whose slot trains several trials at once leaves the records of one trial at a time."""

from __future__ import annotations

import pytest
from books import check_books, folder_of, launch_here, losses_alone, losses_of, real_tree

from results.records.record import TrialStatus

pytestmark = pytest.mark.endtoend


@pytest.mark.ray
def test_a_sweep_with_lanes_has_the_records_of_one_without(ray_cluster, data, tmp_path):
    tree = {
        **real_tree(data, slots={"lanes": 3}, name="lanes"),
        "budget": {"trials": 6, "steps": 4, "evaluations": 2},
    }
    done = launch_here(tree, tmp_path)
    assert done.returncode == 0, done.stderr
    folder = folder_of(tmp_path, "lanes")
    records = folder.store.trials()
    assert [record.status for record in records] == [TrialStatus.COMPLETE] * 6
    assert max(record.lanes for record in records) == 3
    assert all(record.attempts == 1 for record in records)
    check_books(tmp_path, "lanes", trials=6)
    assert losses_of(folder) == pytest.approx(losses_alone(tree, records, tmp_path), abs=1e-4)
