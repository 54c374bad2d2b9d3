"""The real command with a Ray of its own, and with secrets in its environment.

The three books must agree, and no secret be in anything that was written or printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from books import check_books, real_tree, winners_of
from planted import Launched, launched
from spec_samples import toy_tree

from results.records.record import TrialStatus
from sweeps.search.study import trial_seed

pytestmark = pytest.mark.endtoend


@pytest.fixture(scope="module")
def real_sweep(data: Path, tmp_path_factory) -> Iterator[Launched]:
    """Four trials that train, but for the second one, which its slot refuses: fp16 needs a GPU."""
    points = [
        {"learning_rate": rate, "lora.rank": rank, "precision": precision}
        for rate, rank, precision in [
            (5e-3, 4, "fp32"),
            (5e-3, 8, "fp16"),
            (2e-2, 8, "fp32"),
            (1e-3, 4, "fp32"),
        ]
    ]
    search = {"seed": 1, "early_stopping": "none", "first_points": points}
    tree = real_tree(data, search=search)
    del tree["precision"]
    tree["space"]["precision"] = {"choice": ["fp32", "fp16"]}
    with launched(tree, tmp_path_factory.mktemp("real")) as sweep:
        yield sweep


@pytest.fixture(scope="module")
def failed_sweep(tmp_path_factory) -> Iterator[Launched]:
    """A toy sweep of two trials: one that is refused before it begins, and one that crashes."""
    tree = toy_tree(
        space={"schedule": {"choice": ["wsd"]}, "wsd.decay_fraction": {"choice": [0.9, 0.2]}},
        warmup_fraction=0.5,
        search={"sampler": "grid", "early_stopping": "none"},
        toy={"crash_above": 1e-9},
    )
    with launched(tree, tmp_path_factory.mktemp("failed")) as sweep:
        yield sweep


def test_a_sweep_whose_trials_all_fail_has_failed(failed_sweep):
    assert failed_sweep.code == 1
    folder = check_books(failed_sweep.home, "toy", trials=2)
    sweep, (refused, crashed) = folder.store.sweep(), folder.store.trials()
    assert sweep.state.value == "failed"
    assert sweep.error.startswith("all 2 trials failed, trial 0 first: warmup_fraction 0.5 + wsd")
    assert f"The sweep failed: {sweep.error}" in failed_sweep.stdout
    assert (refused.attempts, crashed.attempts) == (0, 1)
    assert refused.config.keys() == crashed.config.keys()
    assert refused.config["wsd.decay_fraction"] == 0.9
    for record in (refused, crashed):
        assert record.provenance.seed == record.config["seed"] == trial_seed(0, record.number)


def test_a_sweep_whose_trials_all_fail_gives_no_secret_away(failed_sweep):
    assert failed_sweep.code == 1 and failed_sweep.secrets() == []


def test_a_sweep_with_a_trial_that_fails_in_its_slot_gives_no_secret_away(real_sweep):
    assert real_sweep.code == 0 and "precision: fp16 needs" in real_sweep.stdout
    assert real_sweep.secrets() == []


def test_a_real_sweep_beats_its_base_and_leaves_a_loadable_winner(real_sweep):
    from peft import AutoPeftModelForCausalLM

    assert real_sweep.code == 0, real_sweep.stderr
    folder = check_books(real_sweep.home, "real", trials=4)
    ends = [TrialStatus.COMPLETE] * 4
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
