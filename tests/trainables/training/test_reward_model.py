"""Reward models: answers scored by another model, frozen, loaded once for all trials of a slot."""

from __future__ import annotations

import json

import chat_training as chats
import pytest
import tiny_training as tiny
import torch
from data_samples import write_lines
from reward_models import make_reward_model
from rollout_training import make_asked, rl_trial

from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError, RefusedError
from trainables.core.evaluation import Ending
from trainables.core.progress import NO_PROGRESS
from trainables.data.records.conversation import Conversation, Message
from trainables.models.tensor_file import finite
from trainables.training.inputs import prepare_inputs
from trainables.training.scoring import reward_model
from trainables.training.workshop import Workshop

TEMPLATE = (
    "{% for turn in messages %}[{{ turn.role }}] {{ turn.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = make_asked(tmp_path_factory.mktemp("rewarded"))
    make_reward_model(made / "judge", TEMPLATE)
    return made


def rewarded(folder, **params):
    model = params.pop("rl__reward_model", str(folder / "judge"))
    return rl_trial(folder, **{"rl__rewards": {}, "rl__reward_model": model, **params})


def prepared(config, folder):
    return prepare_inputs(config, folder / "cache").inputs


def by_hand(folder, question: str, answer: str) -> float:
    """The score as transformers alone gives it: the chat as the template writes it, up to eos."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    model.config.pad_token_id = tokenizer.pad_token_id
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return float(model(input_ids=ids).logits)


def test_a_score_is_what_transformers_gives_for_the_chat_in_the_models_own_template(folder):
    config = rewarded(folder)
    source = prepared(config, folder).reward_models["eval_reward_model"]
    model = reward_model.RewardModel(source, torch.device("cpu"), NO_PROGRESS)
    said = [("add 1 and 2", "3"), ("please please add 4 and 5", "it is 9, I think"), ("hi", "")]
    chats = [
        Conversation((Message("user", asked), Message("assistant", answer, trainable=True)))
        for asked, answer in said
    ]
    found = model.scores(chats, at_once=2)
    wanted = [by_hand(folder / "judge", *each) for each in said]
    assert found == pytest.approx(wanted, abs=1e-5)
    assert len({round(each, 3) for each in found}) == 3, "it tells answers apart"


def test_the_policy_learns_what_a_frozen_model_rewards_and_slots_load_it_once(folder, monkeypatch):
    loaded = []
    load = reward_model.load_model
    monkeypatch.setattr(
        reward_model, "load_model", lambda *given: loaded.append(given) or load(*given)
    )
    config = rewarded(
        folder,
        rl__rewards={"eval_reward_model": 1.0, "eval_ended": 0.1},
        rl__beta=0.0,
        rl__group_size=8,
        learning_rate=3e-3,
        budget__steps=12,
    )
    workshop = Workshop(prepared(config, folder))
    base = workshop.measure_base(config).metrics
    watcher = tiny.Watcher()
    assert workshop.train(config, watcher).ending is Ending.COMPLETE
    assert workshop.train(config, tiny.Watcher()).ending is Ending.COMPLETE
    assert len(loaded) == 1
    judge = workshop.reward_models._models["eval_reward_model"]._model
    assert not any(each.requires_grad for each in judge.parameters()) and not judge.training
    last = watcher.seen[-1].metrics
    for side in ("eval", "train"):
        parts = last[f"{side}_reward_model"] + 0.1 * last[f"{side}_ended"]
        assert last[f"{side}_reward"] == pytest.approx(parts)
    assert last["eval_reward_model"] > base["eval_reward_model"]


def test_a_held_out_model_is_measured_beside_the_reward_and_forgetting_too(folder, tmp_path):
    other = make_reward_model(tmp_path / "other", initializer_range=0.1)
    params = {"rl__held_out": str(other), "data__general": str(folder / "ask.jsonl")}
    config = rewarded(folder, budget__steps=2, budget__evaluations=1, **params)
    watcher = tiny.Watcher()
    assert Workshop(prepared(config, folder)).train(config, watcher).ending is Ending.COMPLETE
    last = watcher.seen[-1].metrics
    assert last["eval_reward"] == last["eval_reward_model"] != last["eval_held_out"]
    assert "train_held_out" not in last and last["eval_general_change"] != 0


def test_its_precision_is_as_saved_or_as_asked_for(folder, tmp_path):
    half = make_reward_model(tmp_path / "half", dtype=torch.bfloat16)
    sources = [
        prepared(rewarded(folder, **params), folder).reward_models["eval_reward_model"].precision
        for params in (
            {},
            {"rl__reward_model": str(half)},
            {"rl__reward_model": str(half), "rl__reward_model_precision": "fp32"},
        )
    ]
    assert sources == ["fp32", "bf16", "fp32"]


def without_head(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["score.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def with_head(folder, number, dtype=torch.float32):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["score.weight"] = weights["score.weight"].to(dtype)
    weights["score.weight"][0, -1] = number
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def without_tokenizer(folder):
    for file in folder.glob("*token*"):
        file.unlink()
    return folder


def without_weights(folder):
    (folder / "model.safetensors").unlink()
    return folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_numbers_of_a_head_are_read_in_each_precision(tmp_path, dtype):
    file = with_head(make_reward_model(tmp_path / "judge"), 2.0, dtype) / "model.safetensors"
    assert finite(file, "score.weight")
    assert not finite(
        with_head(tmp_path / "judge", float("inf"), dtype) / "model.safetensors", "score.weight"
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda folder, tmp: with_head(make_reward_model(tmp / "nan"), NAN),
            r"NaN or infinite numbers in its head \(score\.weight\)",
        ),
        (
            lambda folder, tmp: without_tokenizer(make_reward_model(tmp / "mute")),
            r"no loadable tokenizer \(ValueError: .* \(3\) an equivalent slow tokenizer .*; copy "
            r"tokenizer\.json and tokenizer_config\.json there from the model that it was .*own\)$",
        ),
        (
            lambda folder, tmp: make_reward_model(tmp / "few", vocab_size=20),
            "has embeddings for 20 tokens, and its tokenizer has",
        ),
        (lambda folder, tmp: folder / "model", "has no head that rates a text"),
        (lambda folder, tmp: make_reward_model(tmp / "two", num_labels=2), "head with 2 outputs"),
        (lambda folder, tmp: without_head(make_reward_model(tmp / "bare")), "no weights of its"),
        (
            lambda folder, tmp: without_weights(make_reward_model(tmp / "none")),
            r"has no weights; add model\.safetensors, or download the whole folder again",
        ),
        (lambda folder, tmp: tmp / "away", r"is not on this machine, .* \(looked from /"),
    ],
)
def test_a_model_that_gives_no_reward_is_refused_before_anything_is_loaded(
    folder, tmp_path, make, message
):
    model = str(make(folder, tmp_path))
    with pytest.raises(ModelError, match=f"^rl.reward_model: .*{message}"):
        prepared(rewarded(folder, rl__reward_model=model), folder)


def test_a_prompt_beyond_its_context_is_refused_with_the_way_out(folder, tmp_path):
    short = make_reward_model(tmp_path / "short", max_position_embeddings=16)
    config = rewarded(folder, rl__reward_model=str(short))
    with pytest.raises(RefusedError, match=r"context is 16; lower evaluation\.max_new_tokens"):
        Workshop(prepared(config, folder)).measure_base(config)


def test_another_reward_model_is_another_sweep(folder, tmp_path):
    other = make_reward_model(tmp_path / "other", initializer_range=0.1)
    found = [
        prepare_inputs(rewarded(folder, **params), folder / "cache").model_fingerprint
        for params in ({}, {"rl__reward_model": str(other)}, {})
    ]
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rewards": {"eval_reward_model": 1.0}}, "set rl.reward_model to sweep:NAME"),
        (
            {"rewards": {"eval_ended": 1.0}, "reward_model_precision": "bf16"},
            "belongs to rl.reward_model",
        ),
        ({}, "or set rl.reward_model"),
    ],
)
def test_settings_without_a_reward_model_are_refused(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        rl_trial(folder, rl=settings)


def test_the_record_shows_the_model_and_its_weight(folder):
    flat = rewarded(folder, rl__rewards={"eval_ended": 0.5}).flat()
    assert flat["rl.reward_model"] == str(folder / "judge")
    assert json.loads(json.dumps(flat))["rl.rewards.eval_reward_model"] == 1.0


@pytest.fixture(scope="module")
def trained_judge(folder):
    """A reward model that the objective `reward` has made, of pairs in which short answers win."""
    rows = [
        {
            "prompt": row["instruction"],
            "chosen": row["output"],
            "rejected": f"the sum that you have asked for is {row['output']} or so",
        }
        for row in chats.sums(60)
    ]
    write_lines(folder / "pairs.jsonl", rows)
    config = TrialConfig(
        model=str(folder / "model"),
        objective="reward",
        method="full",
        precision="fp32",
        data={"train": str(folder / "pairs.jsonl"), "validation": 0.2},
        budget={"steps": 24, "evaluations": 1},
        batch_size=16,
        micro_batch_size=32,
        learning_rate=2e-3,
    )
    watcher = tiny.Watcher(folder / "trained")
    Workshop(prepared(config, folder)).train(config, watcher)
    assert watcher.seen[-1].metrics["eval_reward_accuracy"] > 0.9
    return folder / "trained" / "best"


def test_ppo_by_a_trained_reward_model_raises_that_reward_at_a_bounded_kl(folder, trained_judge):
    config = rewarded(
        folder,
        objective="ppo",
        rl__reward_model=str(trained_judge),
        rl__beta=0.02,
        batch_size=16,
        micro_batch_size=64,
        budget__steps=12,
        budget__evaluations=3,
    )
    workshop, watcher = Workshop(prepared(config, folder)), tiny.Watcher()
    before = workshop.measure_base(config).metrics
    assert workshop.train(config, watcher).ending is Ending.COMPLETE
    first, last = watcher.seen[0].metrics, watcher.seen[-1].metrics
    assert last["train_reward"] > first["train_reward"] + 0.4
    assert last["eval_reward"] > before["eval_reward"] + 0.4
    assert 0 < last["eval_kl"] < 2
