"""Models with a head in place of the vocabulary: no start for an objective that writes."""

from __future__ import annotations

import json

import pytest
from chat_training import make_chat_model
from reward_models import make_reward_model

from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.models import language_head
from trainables.models.adapter_folder import adapter_base
from trainables.models.family_check import check_family

WRITING = ("sft", "clm", "dpo", "orpo", "kto", "grpo", "ppo")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    return make_reward_model(tmp_path_factory.mktemp("judge"))


def trial(model, objective):
    rl = {"rl": {"rewards": {"eval_ended": 1.0}}} if objective in ("grpo", "ppo") else {}
    return TrialConfig(model=str(model), objective=objective, data={"train": "rows.jsonl"}, **rl)


def renamed(folder, made, **settings):
    """The same model with other settings in its config.json; None removes one."""
    made.mkdir()
    for file in folder.iterdir():
        (made / file.name).write_bytes(file.read_bytes())
    about = json.loads((folder / "config.json").read_text()) | settings
    kept = {name: value for name, value in about.items() if value is not None}
    (made / "config.json").write_text(json.dumps(kept))
    return made


@pytest.mark.parametrize("objective", WRITING)
def test_a_reward_model_is_refused_where_a_language_head_is_needed(judge, objective):
    with pytest.raises(ModelError, match="LlamaForSequenceClassification: it has a head in place"):
        check_family(trial(judge, objective))


@pytest.mark.parametrize("objective", ["reward", "classification"])
def test_a_reward_model_may_start_what_has_a_head_itself(judge, objective):
    check_family(trial(judge, objective))


@pytest.mark.parametrize(
    "kind", ["LlamaForTokenClassification", "Qwen2ForProcessRewardModel", "GPT2ForMultipleChoice"]
)
def test_each_head_in_place_of_the_vocabulary_counts_also_without_weights(judge, tmp_path, kind):
    model = renamed(judge, tmp_path / "model", architectures=[kind])
    (model / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=f"is a {kind}: .* head in place of the vocabulary"):
        check_family(trial(model, "sft"))


@pytest.mark.parametrize("kinds", [["LlamaForCausalLM"], ["LlamaModel"], None])
def test_the_weights_are_believed_more_than_the_name(judge, tmp_path, kinds):
    model = renamed(judge, tmp_path / "model", architectures=kinds, tie_word_embeddings=False)
    with pytest.raises(ModelError, match=r"has the weights score\.weight and none of a language"):
        check_family(trial(model, "ppo"))


def test_a_language_model_passes_tied_or_not_and_with_a_score_beside_its_head(tmp_path):
    from safetensors.torch import load_file, save_file

    make_chat_model(tmp_path / "model")
    check_family(trial(tmp_path / "model", "ppo"))
    file = tmp_path / "model" / "model.safetensors"
    weights = load_file(file)
    body = weights["model.embed_tokens.weight"]
    more = {"lm_head.weight": body.clone(), "score.weight": body[:1].clone()}
    save_file({**weights, **more}, file, metadata={"format": "pt"})
    model = renamed(tmp_path / "model", tmp_path / "untied", tie_word_embeddings=False)
    check_family(trial(model, "ppo"))


def test_an_adapter_that_writes_is_not_merged_into_a_reward_model(judge, tmp_path):
    about = {
        "base_model_name_or_path": str(judge),
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
    }
    (tmp_path / "adapter_config.json").write_text(json.dumps(about))
    (tmp_path / "adapter_model.safetensors").touch()
    with pytest.raises(ModelError, match="head in place of the vocabulary"):
        adapter_base(tmp_path, ModelSource(str(tmp_path)))


def test_a_hub_model_is_known_by_its_config(judge, monkeypatch):
    monkeypatch.setattr(language_head, "config_file", lambda source: judge / "config.json")
    with pytest.raises(ModelError, match="org/judge is a LlamaForSequenceClassification"):
        language_head.check_language_head(ModelSource("org/judge"))
