"""The winners of earlier sweeps as models of another sweep: `sweep:NAME`."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir

import pytest
import torch
from kept_sweep import answers, kept_sweep, tree_of

from results.records.record import SweepState
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepHome
from sweeps.inputs.prepare import inputs_of
from sweeps.models.choice import chosen
from sweeps.models.earlier import winners
from sweeps.spec.spec import SpecError, SweepSpec
from trainables.core.progress import NO_PROGRESS
from trainables.data.records.conversation import Conversation, Message
from trainables.training.scoring.reward_model import RewardModel

FIRST = [{"learning_rate": 1e-2}, {"learning_rate": 3e-3}]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with the home of two ended sweeps: sft, and a reward model from its winner."""
    folder = tmp_path_factory.mktemp("chain")
    kept_sweep(folder, tree_of(folder, answers(24), name="taught"), FIRST)
    pairs = [
        {"prompt": row["instruction"], "chosen": row["output"], "rejected": "w1 w2 w3"}
        for row in answers(24)
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    judge = tree_of(folder, answers(24), name="judge", model="sweep:taught", objective="reward")
    judge["data"] = {"train": "pairs.jsonl", "validation": 0.25, "max_length": 64}
    kept_sweep(folder, judge, FIRST[:1])
    return folder


def policy(folder, **changes) -> SweepSpec:
    tree = tree_of(folder, answers(24), name="policy", model="sweep:taught", objective="grpo")
    tree["data"] = {"train": "data.jsonl", "validation": 0.25, "max_length": 64}
    tree |= {"rl": {"reward_model": "sweep:judge"}, "evaluation": {"max_new_tokens": 8}}
    with chdir(folder):
        return SweepSpec.parse({**tree, **changes})


def copied(work, tmp_path) -> SweepHome:
    """The home elsewhere, to be spoilt."""
    shutil.copytree(work / "home", tmp_path / "home")
    return SweepHome(tmp_path / "home")


def logits(model, ids):
    with torch.no_grad():
        return model.eval()(input_ids=ids).logits


def test_the_model_is_the_earlier_winner_with_its_adapter_merged(work):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    home = SweepHome(work / "home")
    with chdir(work):
        prepared = inputs_of(policy(work).trial, home.cache)
    adapter = chosen(home.sweep("taught")).weights
    base = AutoModelForCausalLM.from_pretrained(work / "model", dtype=torch.float32)
    ids = torch.arange(2, 12)[None]
    untouched = logits(base, ids)
    wanted = logits(PeftModel.from_pretrained(base, adapter), ids)
    made = AutoModelForCausalLM.from_pretrained(prepared.inputs.model.name, dtype=torch.float32)
    assert torch.allclose(logits(made, ids), wanted, atol=1e-5)
    assert not torch.allclose(untouched, wanted, atol=1e-2), "the winner has learned something"
    number = chosen(home.sweep("taught")).record.number
    assert prepared.winners["model"].startswith(f"trial {number} of sweep taught, eval_loss ")
    assert prepared.remarks[0] == f"model is {prepared.winners['model']}."


def test_the_reward_model_scores_as_the_winner_of_its_sweep_does(work):
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    home = SweepHome(work / "home")
    with chdir(work):
        inputs = inputs_of(policy(work).trial, home.cache).inputs
        base = inputs_of(SweepSpec.load(home.sweep("judge").spec).trial, home.cache).inputs.model
    model = RewardModel(inputs.reward_models["eval_reward_model"], torch.device("cpu"), NO_PROGRESS)
    chat = Conversation((Message("user", "w2 w3"), Message("assistant", "w4 w5", trainable=True)))
    weights = chosen(home.sweep("judge")).weights
    bare = AutoModelForSequenceClassification.from_pretrained(
        base.name, num_labels=1, dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(weights)
    bare.config.pad_token_id = tokenizer.pad_token_id or tokenizer.eos_token_id
    text = "### User:\nw2 w3\n\n### Assistant:\nw4 w5" + tokenizer.eos_token
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    wanted = logits(PeftModel.from_pretrained(bare, weights), ids)
    assert model.scores([chat], 1) == pytest.approx([float(wanted)], abs=1e-5)


def test_all_that_is_missing_is_said_at_once(work, tmp_path):
    empty = SweepHome(tmp_path / "none")
    with pytest.raises(SpecError) as refusal:
        winners(policy(work).trial, empty)
    lines = str(refusal.value).splitlines()
    assert lines[0] == "models of earlier sweeps: 2 problems"
    assert lines[1].strip() == (
        f"model: no sweep 'taught' has been launched in {empty.path}; launch it (there are none "
        "yet)"
    )
    assert lines[2].strip().startswith("rl.reward_model: no sweep 'judge' has been launched")


@pytest.mark.parametrize("state", [SweepState.INTERRUPTED, SweepState.FAILED])
def test_a_sweep_that_has_not_ended_is_named_with_what_is_left(work, tmp_path, state):
    home = copied(work, tmp_path)
    store = home.sweep("judge").store
    store.write_sweep(store.sweep().with_changes(state=state))
    with pytest.raises(SpecError, match=rf"'judge' has not ended: it is {state}, with 1 of \d"):
        winners(policy(work).trial, home)


def test_a_winner_whose_weights_are_gone_is_refused(work, tmp_path):
    home = copied(work, tmp_path)
    shutil.rmtree(chosen(home.sweep("taught")).weights)
    with pytest.raises(SpecError, match="model: sweep 'taught' has no weights of trial"):
        winners(policy(work).trial, home)


def test_a_base_that_has_moved_is_named(work, tmp_path):
    home = copied(work, tmp_path)
    shutil.copyfile(work / "data.jsonl", tmp_path / "data.jsonl")
    store = home.sweep("taught").store
    store.write_sweep(store.sweep().with_changes(folder=str(tmp_path)))
    with chdir(work), pytest.raises(SpecError, match=r"the folder model .* does not exist"):
        winners(policy(work).trial, home)


def test_a_base_that_has_changed_is_refused(work, tmp_path):
    home = copied(work, tmp_path)
    store = home.sweep("taught").store
    sweep = store.sweep()
    other = sweep.provenance.with_changes(model_fingerprint="0" * 16)
    store.write_sweep(sweep.with_changes(provenance=other))
    shutil.rmtree(home.cache / "winners", ignore_errors=True)
    with chdir(work), pytest.raises(SweepError, match="has changed since its launch"):
        inputs_of(policy(work).trial, home.cache)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "sweep:judge"}, "model: .*have a head in place of the vocabulary"),
        ({"rl": {"reward_model": "sweep:taught"}}, "rl.reward_model: .*rate no texts"),
    ],
)
def test_a_winner_of_another_kind_is_refused(work, changes, message):
    with pytest.raises(SpecError, match=message):
        winners(policy(work, **changes).trial, SweepHome(work / "home"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "sweep:policy"}, "model: names this sweep, 'policy'"),
        ({"model": "sweep:../x"}, "model: '../x' is not a sweep's name"),
        ({"rl": {"reward_model": "sweep:"}}, "reward_model: sweep: has no name behind it; write s"),
        ({"rl": {"held_out": {"sweep": None}}}, "rl.held_out: sweep: has no name .*sweep:NAME"),
        ({"model": {"sweep": None}}, "model: sweep: has no name behind it; write sweep:NAME"),
        ({"model": {"sweep": "a"}}, "model: sweep: a is a field .*; write sweep:a, without a sp"),
        ({"model": {"builtin": None}}, "model: builtin: has no name behind it; write builtin:"),
        (
            {"rl": {"reward_model": "model/config.json"}},
            "rl.reward_model: model/config.json is a file; name the model's folder, model",
        ),
        ({"model": "./data.jsonl"}, "model: ./data.jsonl is a file; name the model's folder"),
        ({"model_revision": "main"}, "model_revision: belongs to a hub id"),
        ({"rl": {"reward_model": "builtin:pydoc"}}, "rl.reward_model: .*neither a folder nor"),
        ({"rl": {"reward_model": "./away"}}, "rl.reward_model: folder ./away does not exist"),
    ],
)
def test_a_name_that_no_earlier_sweep_can_have_is_refused_in_the_file(work, changes, message):
    with pytest.raises(SpecError, match=message):
        policy(work, **changes)
