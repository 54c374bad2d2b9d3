"""The real command with a Ray of its own, with secrets in its environment and trials in lanes.

The three books must agree, and no secret be in anything that was written or printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from books import check_books, folder_of, losses_alone, losses_of, real_tree, winners_of
from planted import Launched, launched

from results.records.record import TrialStatus

pytestmark = pytest.mark.endtoend


@pytest.fixture(scope="module")
def real_sweep(data: Path, tmp_path_factory) -> Iterator[Launched]:
    """Five trials that train, but for the second one, which its slot refuses: fp16 needs a GPU."""
    points = [
        {"learning_rate": rate, "lora.rank": rank, "precision": precision}
        for rate, rank, precision in [
            (5e-3, 4, "fp32"),
            (5e-3, 8, "fp16"),
            (2e-2, 8, "fp32"),
            (1e-3, 4, "fp32"),
            (2e-3, 8, "fp32"),
        ]
    ]
    tree = real_tree(
        data,
        search={"seed": 1, "early_stopping": "none", "first_points": points},
        budget={"trials": 5, "steps": 4, "evaluations": 2},
        batch_size=8,
        slots={"lanes": 3},
    )
    tree["data"]["max_length"] = 128
    del tree["precision"]
    tree["space"]["precision"] = {"choice": ["fp32", "fp16"]}
    with launched(tree, tmp_path_factory.mktemp("real")) as sweep:
        yield sweep


def test_a_sweep_with_a_trial_that_fails_in_its_slot_gives_no_secret_away(real_sweep):
    assert real_sweep.code == 0 and "precision: fp16 needs" in real_sweep.stdout
    assert real_sweep.secrets() == []


def test_a_real_sweep_beats_its_base_and_leaves_a_loadable_winner(real_sweep):
    from peft import AutoPeftModelForCausalLM

    assert real_sweep.code == 0, real_sweep.stderr
    folder = check_books(real_sweep.home, "real", trials=5)
    ends = [TrialStatus.COMPLETE] * 5
    ends[1] = TrialStatus.FAILED
    assert [record.status for record in folder.store.trials()] == ends
    report = winners_of(real_sweep.home, "real")
    winner = report["winners"][0]
    assert winner["metrics"]["eval_loss"] < report["base"]["eval_loss"] - 0.3
    assert winner["metrics"]["test_loss"] < report["base"]["test_loss"] - 0.3
    assert "On the test set, never used for selection: test_loss" in real_sweep.stdout
    kept = [path.parent.name for path in folder.path.glob("trials/*/best")]
    assert kept == [f"{winner['trial']:04d}"], "only the winner's weights are kept"
    model = AutoPeftModelForCausalLM.from_pretrained(folder.path / "trials" / kept[0] / "best")
    assert model.peft_config["default"].r == winner["params"]["lora.rank"]
    losses = np.load(folder.path / "trials" / kept[0] / "sequence_losses.npz")
    mean = losses["loss_sums"].sum() / losses["token_counts"].sum()
    assert mean == pytest.approx(winner["metrics"]["eval_loss"])
    record = folder.store.trials()[winner["trial"]]
    assert record.tokens_per_second > 0 and record.peak_memory_bytes > 0
    assert record.provenance is not None and record.provenance.data_fingerprint


def test_a_slot_with_lanes_leaves_the_records_of_one_trial_at_a_time(real_sweep, tmp_path):
    folder = folder_of(real_sweep.home, "real")
    trained = [each for each in folder.store.trials() if each.status is TrialStatus.COMPLETE]
    # Of three trials under way, the one of another kind waits until the lanes are empty.
    assert max(record.lanes for record in trained) >= 2
    assert all(record.attempts == 1 for record in trained)
    alone = losses_alone(real_sweep.tree, trained, tmp_path)
    assert losses_of(folder) == pytest.approx(alone, abs=1e-4)
