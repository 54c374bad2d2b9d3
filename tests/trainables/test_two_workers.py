"""One process group of two workers trains all that is looked at here, one trial after another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_training as tiny
from two_workers import DIVERGED, HALF, SAME_AS_ALONE, STOPPED

pytestmark = pytest.mark.endtoend

BF16 = 0.005
"""How far two losses of about 4 may be apart that were computed in bf16."""

SCRIPT = Path(__file__).with_name("two_workers.py")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("two_workers"))


@pytest.fixture(scope="module")
def together(inputs):
    """What rank 0 of two workers saw."""
    folder = Path(inputs.model).parent
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    first, second = (json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1))
    for name in (*SAME_AS_ALONE, "stopped", "diverged"):
        assert first[name]["ending"] == second[name]["ending"]
        assert second[name]["losses"] == [], "only rank 0 reports"
    return first


@pytest.fixture(scope="module")
def alone(inputs):
    from trainables.finetune import Workshop

    return Workshop(inputs)


def test_the_base_measures_the_same_on_two_workers_as_on_one(together, alone):
    expected = alone.measure_base(tiny.trial()).metrics
    assert together["base"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", SAME_AS_ALONE)
def test_a_trial_ends_on_two_workers_as_on_one(together, alone, name):
    made = together[name]
    params = {k: v for k, v in SAME_AS_ALONE[name].items() if not k.startswith("deepspeed")}
    outcome, watcher = tiny.run_trial(alone, **params)
    assert made["ending"] == outcome.ending
    assert made["losses"] == pytest.approx(watcher.losses, abs=1e-5)
    for field in ("tokens", "trainable_parameters", "total_parameters"):
        assert made["cost"][field] == getattr(outcome.cost, field)


@pytest.mark.parametrize("name", SAME_AS_ALONE)
def test_what_two_workers_kept_scores_what_they_measured(together, alone, inputs, name):
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM

    folder = Path(inputs.model).parent / name / "best"
    loader = AutoPeftModelForCausalLM if name.startswith("lora") else AutoModelForCausalLM
    kept = loader.from_pretrained(folder, dtype=torch.float32)
    scores = tiny.measured(kept, alone.inputs.validation)
    assert scores.metrics["eval_loss"] == pytest.approx(together[name]["losses"][-1], abs=1e-5)


def test_a_stop_that_rank_0_hears_of_ends_the_trial_on_both(together):
    assert (together["stopped"]["ending"], together["stopped"]["steps"]) == ("stopped", 3)
    assert STOPPED["budget__steps"] > 3


def test_divergence_ends_the_trial_on_both(together):
    assert together["diverged"]["ending"] == "diverged"
    assert int(together["diverged"]["error"].split()[-1]) < DIVERGED["budget__steps"] / 3


@pytest.mark.parametrize("name", HALF)
def test_bf16_comes_to_the_same_up_to_its_digits(together, alone, name):
    """Against the same trial in bf16 on one worker; what was learned is a hundred times more."""
    params = {k: v for k, v in HALF[name].items() if not k.startswith("deepspeed")}
    expected = tiny.run_trial(alone, **params)[1].losses
    assert together["bf16"][name]["losses"] == pytest.approx(expected, abs=BF16)
    assert together["base"]["eval_loss"] - expected[-1] > 10 * BF16


def test_no_engine_outlives_its_trial(together):
    assert together["engines"] == 0


def test_trials_harm_no_later_one(together):
    assert together["after all"]["losses"] == together["lora plain"]["losses"]
    assert together["pristine"] is True
