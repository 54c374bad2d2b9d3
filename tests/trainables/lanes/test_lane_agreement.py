"""Trials in lanes against the same trials through transformers' Trainer and PEFT."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_training as tiny
from lane_training import Kept, entry, in_lanes, run_lanes

from benchmarks.tiny_inputs import make_inputs, make_model
from trainables.config.optimizer_config import OptimizerConfig
from trainables.core.evaluation import Ending

NAMES = OptimizerConfig.model_fields["name"].annotation.__args__
OTHERS = {"lora__rank": 8, "lora__alpha": 7.0, "lora__target_modules": "attention", "seed": 5}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("lanes"))


@pytest.fixture(scope="module")
def workshop(inputs):
    from trainables.training.workshop import Workshop

    return Workshop(inputs)


def alone(workshop, config):
    """The losses by today's path, which asks for its own references."""
    workshop.references.forget()
    watcher = tiny.Watcher()
    assert workshop.train(config, watcher).ending is Ending.COMPLETE
    return watcher.losses


def agree(workshop, *configs, tolerance=1e-5):
    for kept, config in zip(in_lanes(workshop, *configs), configs, strict=True):
        assert kept.error is None and kept.alone is None
        assert kept.outcome.ending is Ending.COMPLETE
        assert kept.losses == pytest.approx(alone(workshop, config), abs=tolerance)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")
def test_each_optimizer_trains_in_a_lane_as_in_the_trainer(workshop, name):
    mine = {"optimizer__name": name, "optimizer__weight_decay": 0.1, "learning_rate": 2e-3}
    # An 8-bit state rounds a difference of one bit in a gradient to a whole step of its scale.
    tolerance = 2e-4 if "8bit" in name else 1e-5
    agree(workshop, tiny.trial(**mine), tiny.trial(**OTHERS), tolerance=tolerance)


@pytest.mark.parametrize(
    "params",
    [
        {"lora__learning_rate_ratio": 8.0},
        {"lora__rslora": True, "lora__rank": 16},
        {"lora__init": "gaussian"},
        {"lora__target_modules": ("q_proj", "down_proj")},
        {"schedule": "wsd", "optimizer__max_grad_norm": 0.1},
        {"batch_size": 6, "micro_batch_size": 2, "budget__steps": 7},
        {"batch_ramp__start_fraction": 0.25, "batch_ramp__fraction": 0.5},
    ],
    ids=lambda params: "-".join(params),
)
def test_each_setting_trains_in_a_lane_as_in_the_trainer(workshop, params):
    agree(workshop, tiny.trial(**params), tiny.trial(**OTHERS))


@pytest.mark.parametrize("shared", [{"label_smoothing": 0.1}, {"gradient_checkpointing": True}])
def test_what_all_lanes_share(workshop, shared):
    agree(workshop, tiny.trial(**shared), tiny.trial(**OTHERS, **shared))


def test_half_precision_errs_no_more_in_a_lane_than_alone(workshop):
    """Against float32; two micro-batch sizes show how much rounding alone may do."""
    bf16 = {"precision": "bf16"}
    (kept, _) = in_lanes(workshop, tiny.trial(**bf16), tiny.trial(**OTHERS, **bf16))
    exact = np.array(alone(workshop, tiny.trial()))
    ours, *theirs = (
        max(abs(np.array(losses) - exact))
        for losses in (
            kept.losses,
            *(alone(workshop, tiny.trial(**bf16, micro_batch_size=size)) for size in (4, 8)),
        )
    )
    assert ours < 2 * max(theirs) + 1e-3


@pytest.mark.parametrize("objective", ["clm", "classification", "reward", "dpo", "orpo", "simpo"])
def test_each_objective_trains_in_a_lane_as_in_the_trainer(objective, tmp_path):
    from trainables.training.workshop import Workshop

    make_model(tmp_path / "model")
    workshop = Workshop(make_inputs(tmp_path, objective, tmp_path / "model"))
    ours = {"objective": objective, "learning_rate": 3e-3}
    agree(workshop, tiny.trial(**ours), tiny.trial(**OTHERS, **ours, batch_size=4))


def test_an_adapter_from_a_lane_is_saved_and_measured_as_from_peft(workshop, tmp_path):
    config = tiny.trial()
    (kept, _) = run_lanes(
        workshop, entry(config, Kept(folder=tmp_path / "lane")), entry(tiny.trial(**OTHERS))
    )
    watcher = tiny.Watcher(folder=tmp_path / "alone")
    workshop.train(config, watcher)
    ours, theirs = (
        {path.name: path for path in (tmp_path / name / "best").iterdir()}
        for name in ("lane", "alone")
    )
    assert ours.keys() == theirs.keys()
    config_file = "adapter_config.json"
    assert ours[config_file].read_text() == theirs[config_file].read_text()

    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(workshop.inputs.model.name)
    model = PeftModel.from_pretrained(base, tmp_path / "lane" / "best")
    plain = tiny.measured(model, workshop.inputs.validation)
    assert plain.metrics["eval_loss"] == pytest.approx(kept.losses[-1], abs=1e-6)


def test_qlora_trains_in_a_lane_as_in_the_trainer(workshop):
    qlora = {"method": "qlora", "learning_rate": 3e-3}
    agree(workshop, tiny.trial(**qlora), tiny.trial(**OTHERS, **qlora))
