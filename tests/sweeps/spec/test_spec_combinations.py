"""What a space can draw and no trial can run is refused when the spec is read."""

from __future__ import annotations

import pytest
from spec_samples import problems_of, sft_tree

from sweeps.spec import reach
from sweeps.spec.spec import SweepSpec


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"space": {"method": {"choice": ["lora", "prefix"]}}, "gradient_checkpointing": True},
            "gradient_checkpointing: with method prefix: the second forward pass would see the "
            "prefix twice; leave it out with method prefix",
        ),
        (
            {
                "method": "qlora",
                "space": {"lora.init": {"choice": ["kaiming", "pissa"]}},
            },
            "space.lora.init: with lora.init pissa: pissa decomposes the base's weights, but "
            "qlora holds them in 4 bits; use lora.init: kaiming or gaussian with qlora",
        ),
        (
            {"method": "full", "quantization": {"type": "nf4"}},
            "quantization: only qlora trains on a quantised base, but the method is full; set "
            "method: qlora, or leave it out",
        ),
        (
            {"quantization.type": "fp4", "space": {"method": {"choice": ["lora", "adapter"]}}},
            "quantization: only qlora trains on a quantised base, but the method is lora or "
            "adapter; set method: qlora, or leave it out",
        ),
        (
            {
                "objective": "dpo",
                "dpo": {"label_smoothing": 0.1},
                "space": {"dpo.loss": {"choice": ["sigmoid", "ipo"]}},
            },
            "dpo.label_smoothing: with dpo.loss ipo: loss ipo has no label probabilities to "
            "smooth; use dpo.loss: sigmoid, or leave it out",
        ),
        (
            {"data.packing": True, "space": {"method": {"choice": ["lora", "prefix"]}}},
            "data.packing: with method prefix: method prefix prepends virtual tokens to a "
            "sequence, so transformers cannot isolate its packed examples; leave it out, or "
            "use another method",
        ),
        (
            {"slots": {"deepspeed": {"zero_stage": 2, "offload_parameters": "cpu"}}},
            "slots.deepspeed.offload_parameters: cpu requires ZeRO stage 3; set "
            "slots.deepspeed.zero_stage: 3, or leave it out",
        ),
        (
            {
                "slots": {
                    "workers": 4,
                    "deepspeed": {"zero_stage": 3, "hierarchical_partition_size": 3},
                }
            },
            "slots.deepspeed.hierarchical_partition_size: 3 does not divide the 4 workers of a "
            "slot; set it to the number of workers on a node",
        ),
        (
            {"slots": {"deepspeed": {"config": {"train_batch_size": 7}}}},
            "slots.deepspeed.config: train_batch_size is 7 there, but batch_size makes it 16; "
            'write "auto" there, or change batch_size',
        ),
        (
            {
                "slots": {"deepspeed": {"config": {"optimizer": {"params": {"lr": 0.0001}}}}},
                "space": {"learning_rate": {"log_uniform": [0.0001, 0.001]}},
            },
            "slots.deepspeed.config: optimizer.params.lr is 0.0001 there, but the space searches "
            'learning_rate, so it differs by trial; write "auto" there, or do not '
            "search learning_rate",
        ),
    ],
)
def test_combinations_that_no_trial_can_run_are_named_when_the_spec_is_read(
    change, problem, tmp_path
):
    assert problem in problems_of(sft_tree(tmp_path, **change))


def test_too_many_combinations_to_look_at_hide_no_refusal(tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "LIMIT", 20)
    space = {
        "method": {"choice": ["lora", "qlora", "full", "prefix"]},
        "gradient_checkpointing": {"choice": [False, True]},
        "lora.init": {"choice": ["kaiming", "pissa"]},
        "lora.dora": {"choice": [False, True]},
    }
    found = problems_of(sft_tree(tmp_path, space=space))
    assert {problem.partition(":")[0] for problem in found} == {
        "space.gradient_checkpointing",
        "space.lora.init",
    }


def test_quantisation_that_some_trials_read_is_right(tmp_path):
    space = {"method": {"choice": ["lora", "qlora"]}}
    assert SweepSpec.parse(sft_tree(tmp_path, quantization={"type": "fp4"}, space=space))


def test_conditions_keep_apart_what_does_not_go_together(tmp_path):
    space = {
        "method": {"choice": ["lora", "prefix"]},
        "gradient_checkpointing": {"choice": [False, True], "when": {"method": "lora"}},
    }
    assert SweepSpec.parse(sft_tree(tmp_path, space=space))
