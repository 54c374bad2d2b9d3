"""Parts of an export that need no training: names, lines of code, cards, folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_training as tiny
import yaml
from record_samples import full_sweep, full_trial

from results.export.card import card
from results.export.exported import Base, Exported
from results.export.modelfile import modelfile, refusal
from results.export.script import requirements
from sweeps.export.destination import written
from sweeps.export.license import license_of
from sweeps.export.loading import loading_code
from sweeps.models.content import _name_base
from trainables.core.model_source import ModelSource
from trainables.training.inputs import Inputs

HUB = tiny.trial().with_params({"model": "org/base", "model_revision": "v2", "precision": "bf16"})
INPUTS = Inputs(ModelSource("org/base", "v2"), Path("train"), Path("validation"))


def exported(**changes) -> Exported:
    trial = full_trial()
    config = {**trial.config, "method": "lora", "objective": "sft"}
    fields = {
        "sweep": full_sweep(),
        "trial": trial.with_changes(config=config),
        "measured": trial.measurements[0],
        "place": 2,
        "trials": 40,
        "verdict": "Trial 7 wins: eval_loss 0.3333.",
        "base": Base("org/base", is_folder=False, revision="v2", license="mit"),
        "whole": False,
        "dtype": None,
        "loading": "model = ...\n",
        "data": "1,000 records",
        "train": ("data.jsonl",),
        "error": 0.01,
        "again": {"eval_loss": 1 / 3 + 0.001},
    }
    return Exported(**{**fields, **changes})


def test_an_adapter_names_its_base_on_the_hub_with_its_revision(tmp_path):
    code = loading_code(HUB, INPUTS, whole=False, held="bf16", base="org/base", pad_id=0)
    base = "from_pretrained('org/base', dtype=torch.bfloat16, revision='v2')"
    assert f"base = AutoModelForCausalLM.{base}\n" in code
    compile(code, "card", "exec")
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps({"base_model_name_or_path": "/worker/1/base", "r": 4}))
    _name_base(file, HUB, "org/base")
    named = json.loads(file.read_text())
    assert named == {"base_model_name_or_path": "org/base", "r": 4, "revision": "v2"}


def test_a_card_cannot_be_broken_by_names():
    text = card(exported(train=("a`b.jsonl", "<script>.jsonl"), data="```\n# Mine"))
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["base_model"] == "org/base" and front["license"] == "mit"
    assert "`` a`b.jsonl ``" in text and "`<script>.jsonl`" in text
    assert text.count("```") % 2 == 0 and "'''" in text
    assert "`org/base@v2`" in text and "ranked 2 of the 40 trials" in text
    assert "| eval_loss | 0.3333 ± 0.0100 | 3.2500 |" in text
    assert "eval_loss 0.3343, +0.001 against the trial" in text


def test_the_card_of_a_whole_model_gives_no_path_away():
    base = Base("/home/someone/models/tiny", is_folder=True)
    assert "/home/someone" not in card(exported(whole=True, base=base))
    assert "`/home/someone/models/tiny`" in card(exported(base=base))


def test_builds_of_torch_are_pinned_by_their_version():
    trial = exported().trial
    known = trial.provenance.with_changes(versions={"torch": "2.13.0+cpu", "python": "3.11.7"})
    model = exported(trial=trial.with_changes(provenance=known))
    assert requirements(model) == "torch==2.13.0\n"


@pytest.mark.parametrize(
    ("changes", "config", "tokens", "reason"),
    [
        ({}, {}, False, None),
        ({}, {"lora.dora": True}, False, "no adapters but plain LoRA"),
        ({}, {"method": "prefix"}, False, "no adapters but plain LoRA"),
        ({}, {}, True, "cannot add tokens"),
        ({"whole": True}, {"method": "full"}, True, None),
        ({"whole": True}, {"objective": "classification"}, False, "writes no text"),
    ],
)
def test_a_modelfile_only_for_what_ollama_knows(changes, config, tokens, reason):
    model = exported(**changes)
    trial = model.trial.with_changes(config={**model.trial.config, **config})
    found = refusal(exported(**changes, trial=trial), tokens)
    assert found is None if reason is None else reason in found


def test_a_modelfile_names_base_adapter_and_stop():
    text = modelfile(exported(), '</s>"', default_chat=True)
    assert "hf download org/base --revision v2 --local-dir base\nFROM ./base\nADAPTER .\n" in text
    assert "### Assistant:\n{{ .Content }}</s>" in text and 'PARAMETER stop "</s>\\""' in text
    assert "FROM .\n" in modelfile(exported(whole=True), None, default_chat=False)


@pytest.mark.parametrize(
    ("text", "license"),
    [
        ("---\nlicense: mit\n---\n# Model", "mit"),
        ("---\nlicense: other\nlicense_name: llama3\n---\n", "llama3"),
        ("---\nlicense: [broken\n---\n", None),
        ("---\n- a list\n---\n", None),
        ("# Model\nlicense: mit\n---\n", None),
        ("", None),
    ],
)
def test_the_license_that_a_base_states(tmp_path, text, license):
    (tmp_path / "README.md").write_text(text)
    assert license_of(ModelSource(str(tmp_path))) == license


def test_other_users_can_read_an_export(tmp_path):
    with written(tmp_path / "out") as draft:
        (draft / "model.safetensors").touch(mode=0o600)
    assert (tmp_path / "out" / "model.safetensors").stat().st_mode & 0o777 == 0o644


def test_an_interrupted_export_leaves_nothing(tmp_path):
    to = tmp_path / "new" / "out"
    with pytest.raises(KeyboardInterrupt), written(to) as draft:
        (draft / "half").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
