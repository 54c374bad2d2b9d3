"""What is refused before it runs. benchmarks/combinations.py is how each was found."""

from __future__ import annotations

import pytest
import tiny_training as tiny

from trainables.config.combinations import machine_refusals, refusals


def fields(**params) -> list[str]:
    return [refusal.place for refusal in refusals(tiny.trial(**params))]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"method": "qlora", "lora__init": "pissa"}, "lora.init"),
        ({"method": "prefix", "gradient_checkpointing": True}, "gradient_checkpointing"),
        ({"method": "prompt", "objective": "reward"}, "method"),
        ({"method": "ptuning", "objective": "classification"}, "method"),
        ({"method": "adapter", "data__new_tokens": ["<a>"]}, "data.new_tokens"),
        ({"label_smoothing": 0.1, "objective": "dpo"}, "label_smoothing"),
        ({"data__packing": True, "objective": "clm"}, "data.packing"),
        ({"data__packing": True, "objective": "dpo"}, "data.packing"),
        ({"data__template": "chatml", "objective": "clm"}, "data.template"),
        ({"data__reasoning": "drop", "objective": "classification"}, "data.reasoning"),
        ({"data__packing": True, "method": "prompt"}, "data.packing"),
        ({"data__packing": True, "method": "ptuning"}, "data.packing"),
        ({"data__packing": True, "method": "prefix"}, "data.packing"),
        ({"attention": "flash_attention_2", "precision": "fp32"}, "attention"),
        ({"compile": True, "deepspeed__zero_stage": 2}, "compile"),
        (
            {"objective": "dpo", "dpo__loss": "hinge", "dpo__label_smoothing": 0.1},
            "dpo.label_smoothing",
        ),
        (
            {"objective": "dpo", "dpo__loss": "ipo", "dpo__label_smoothing": 0.1},
            "dpo.label_smoothing",
        ),
        (
            {"method": "qlora", "lora__dora": True, "deepspeed__zero_stage": 3},
            "lora.dora",
        ),
        (
            {"deepspeed__zero_stage": 0, "deepspeed__offload_optimizer": "cpu"},
            "slots.deepspeed.offload_optimizer",
        ),
        (
            {
                "deepspeed__zero_stage": 2,
                "deepspeed__offload_optimizer": "nvme",
                "deepspeed__nvme_path": "/scratch",
            },
            "slots.deepspeed.offload_optimizer",
        ),
        (
            {"deepspeed__zero_stage": 2, "deepspeed__offload_parameters": "cpu"},
            "slots.deepspeed.offload_parameters",
        ),
        (
            {"deepspeed__zero_stage": 2, "deepspeed__quantized_weights": True},
            "slots.deepspeed.quantized_weights",
        ),
        (
            {"deepspeed__zero_stage": 3, "deepspeed__offload_optimizer": "nvme"},
            "slots.deepspeed.nvme_path",
        ),
    ],
)
def test_what_cannot_run_is_refused_and_names_a_field(params, field):
    assert fields(**params) == [field]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"method": "qlora", "lora__dora": True, "deepspeed__zero_stage": 2},
        {"method": "prefix", "objective": "classification"},
        {"method": "prompt", "gradient_checkpointing": True},
        {"data__packing": True, "method": "adapter", "gradient_checkpointing": True},
        {"objective": "dpo", "dpo__label_smoothing": 0.1},
        {"objective": "dpo", "dpo__loss": "hinge"},
        {"objective": "kto", "dpo__loss": "hinge", "dpo__label_smoothing": 0.1},
        {"deepspeed__zero_stage": 3, "deepspeed__offload_parameters": "cpu"},
    ],
)
def test_what_can_run_is_not_refused(params):
    assert fields(**params) == []


@pytest.mark.parametrize("engine", [{}, {"deepspeed__zero_stage": 2}])
def test_a_cpu_has_no_fp16_with_or_without_deepspeed(engine):
    half = tiny.trial(precision="fp16", **engine)
    (refusal,) = machine_refusals(half, cuda=False)
    assert refusal.place == "precision" and refusal.remedy.startswith("use fp32, or bf16")
    assert machine_refusals(half, cuda=True) == []


def test_a_cpu_has_no_quantised_zero():
    quantised = tiny.trial(deepspeed__zero_stage=3, deepspeed__quantized_gradients=True)
    assert [each.place for each in machine_refusals(quantised, cuda=False)] == ["slots.deepspeed"]


def test_an_nvme_path_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setattr("trainables.config.combinations._has_libaio", lambda: True)
    engine = {"deepspeed__zero_stage": 3, "deepspeed__offload_optimizer": "nvme"}
    there = tiny.trial(**engine, deepspeed__nvme_path=str(tmp_path))
    assert machine_refusals(there, cuda=True) == []
    absent = tiny.trial(**engine, deepspeed__nvme_path=str(tmp_path / "no"))
    (refusal,) = machine_refusals(absent, cuda=True)
    assert refusal.place == "slots.deepspeed.nvme_path"
    assert str(tmp_path / "no") in refusal.message


def test_offload_to_nvme_wants_libaio(tmp_path, monkeypatch):
    monkeypatch.setattr("trainables.config.combinations._has_libaio", lambda: False)
    engine = {"deepspeed__zero_stage": 3, "deepspeed__nvme_path": str(tmp_path)}
    nvme = tiny.trial(**engine, deepspeed__offload_parameters="nvme")
    (refusal,) = machine_refusals(nvme, cuda=True)
    assert "install libaio-dev" in refusal.remedy
    assert machine_refusals(tiny.trial(**engine), cuda=True) == []


@pytest.mark.parametrize("attention", ["flash_attention_2", "flex"])
def test_kernels_of_gpus_are_refused_without_one(attention):
    asked = tiny.trial(attention=attention, precision="bf16")
    (refusal,) = machine_refusals(asked, cuda=False)
    assert refusal.place == "attention" and attention in refusal.message


def test_flash_attention_is_refused_without_its_package(monkeypatch):
    asked = tiny.trial(attention="flash_attention_2", precision="bf16")
    (refusal,) = machine_refusals(asked, cuda=True)
    assert "flash-attn" in refusal.message and "pip install" in refusal.remedy
    monkeypatch.setattr("trainables.config.kernels.find_spec", lambda name: object())
    assert machine_refusals(asked, cuda=True) == []


def test_a_quantised_base_is_not_compiled_on_a_cpu():
    asked = tiny.trial(compile=True, method="qlora")
    assert [each.place for each in machine_refusals(asked, cuda=False)] == ["compile"]
    assert machine_refusals(asked, cuda=True) == []
