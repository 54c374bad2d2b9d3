"""Impossible choices of a space end a command before data are read or a GPU is taken."""

from __future__ import annotations

import json

import pytest

from benchmarks.families import config_of
from benchmarks.tiny_inputs import make_tokenizer
from sweeps.base.errors import SweepError
from sweeps.base.view import View
from sweeps.home.home import SweepHome
from sweeps.run.dry_run.dry_run import dry_run
from sweeps.run.inspection import inspect
from sweeps.run.launch import launch
from sweeps.spec.spec import SweepSpec


@pytest.fixture
def spec_of(tmp_path, monkeypatch):
    """A sweep over a model of a family; without weights, so that none can be trained."""
    monkeypatch.chdir(tmp_path)
    rows = [{"instruction": f"w{n} w3", "output": "w4 w5"} for n in range(20)]

    def spec(family, data=None, **changes):
        config_of(family).save_pretrained(tmp_path / "model")
        make_tokenizer(tmp_path / "model")
        (tmp_path / "rows.json").write_text(data or json.dumps(rows))
        tree = {
            "name": "fit",
            "model": "model",
            "data": {"train": "rows.json", "validation": 0.2},
            "precision": "fp32",
            "budget": {"trials": 4},
            **changes,
        }
        return SweepSpec.parse(tree)

    return spec


NAMES = {"lora.target_modules": {"choice": ["all-linear", ["q_proj"], ["qkv_proj", "v_proj"]]}}


def test_each_impossible_choice_is_named_before_the_data_are_read(spec_of, tmp_path):
    spec = spec_of("Phi-3", data="not JSON", space=NAMES)
    with pytest.raises(SweepError) as refused:
        inspect(spec, SweepHome(tmp_path / "home"))
    head, *lines = str(refused.value).splitlines()
    assert head == "2 choices are impossible with model model:"
    for line, names, missing in zip(
        lines, ("[q_proj]", "[qkv_proj, v_proj]"), ("q_proj", "v_proj"), strict=True
    ):
        place = f"space.lora.target_modules: with lora.target_modules {names}: "
        assert line.strip().startswith(f"{place}Phi3ForCausalLM has no module named {missing!r};")
    assert all("it has o_proj, qkv_proj" in line for line in lines)


def test_choices_that_fit_are_inspected_with_the_models_remarks(spec_of, tmp_path):
    space = {"learning_rate": {"choice": [1e-3]}}
    shown = inspect(spec_of("Mamba 2", space=space), SweepHome(tmp_path / "home"))
    told = "all-linear leaves out out_proj of Mamba2ForCausalLM"
    (remark,) = (each for each in shown.remarks if told in each)
    assert remark in shown.json()["notes"]


def test_a_condition_keeps_apart_what_does_not_go_together(spec_of, tmp_path):
    space = {
        "method": {"choice": ["lora", "freeze"]},
        "freeze.last_blocks": {"choice": [1, 2], "when": {"method": "freeze"}},
    }
    inspect(spec_of("Llama", space=space), SweepHome(tmp_path / "home"))
    space["freeze.last_blocks"]["choice"] += [3]
    with pytest.raises(SweepError, match=r"freeze\.last_blocks 3: 3 is more than the 2 blocks"):
        inspect(spec_of("Llama", space=space), SweepHome(tmp_path / "home"))


@pytest.mark.parametrize("method", ["full", "freeze"])
def test_a_dry_run_and_a_launch_refuse_as_well(spec_of, tmp_path, method, monkeypatch):
    import torch
    from safetensors.torch import save_file

    spec = spec_of("Llama", space={"method": {"choice": ["lora", method]}})
    file = tmp_path / "model" / "config.json"
    held = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    file.write_text(json.dumps({**json.loads(file.read_text()), "quantization_config": held}))
    save_file({f"w{n}": torch.zeros(1) for n in range(9)}, tmp_path / "model/model.safetensors")
    monkeypatch.setattr("sweeps.run.launch.cluster", None)  # Ray is not reached
    said = f"space.method: with method {method}: {method} trains the weights of LlamaForCausalLM"
    with pytest.raises(SweepError, match=said):
        dry_run(spec, SweepHome(tmp_path / "home"))
    with pytest.raises(SweepError, match=said):
        launch(spec, SweepHome(tmp_path / "home"), View())
    assert not SweepHome(tmp_path / "home").sweep("fit").path.exists()


def test_virtual_tokens_that_leave_no_room_for_the_data_are_refused(spec_of, tmp_path):
    from trainables.core.errors import RefusedError

    def space(most):
        return {
            "method": {"choice": ["lora", "prompt"]},
            "prompt.virtual_tokens": {"choice": [4, most], "when": {"method": "prompt"}},
        }

    home = SweepHome(tmp_path / "home")
    inspect(spec_of("Llama", space=space(100)), home)
    with pytest.raises(RefusedError, match=r"prompt\.virtual_tokens 128 and sequences of up to"):
        inspect(spec_of("Llama", space=space(128)), home)
