"""Encoders train, and what is saved of them is what plain transformers computes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from small_encoders import LENGTH, SETTINGS, WORDS, small_encoder
from tiny_training import Watcher

from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError
from trainables.core.evaluation import Ending

pytestmark = pytest.mark.filterwarnings("ignore:.*is not a known argument.*")


def word(rng):
    return WORDS[int(rng.integers(len(WORDS)))]


def sentences(rng, count, longest=12):
    return [" ".join(word(rng) for _ in range(int(rng.integers(2, longest)))) for _ in range(count)]


def row(kind, first, second):
    """A row of a kind of target; the label is about the words, so that it can be learned."""
    known = set(first.split())
    match kind:
        case "pairs":
            return {"premise": first, "hypothesis": second, "label": int("w1" in known)}
        case "multi_label":
            return {"text": first, "labels": [name for name in WORDS[:3] if name in known]}
        case "regression":
            return {"text": first, "label": len(known & set(WORDS[:20])) / len(known)}
        case _:
            return {"text": first, "label": "many" if len(known & set(WORDS[:20])) > 2 else "few"}


def write_rows(path, kind, seed, count=40, longest=12):
    rng = np.random.default_rng(seed)
    pairs = zip(sentences(rng, count, longest), sentences(rng, count, longest), strict=True)
    rows = [row(kind, first, second) for first, second in pairs]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return rows


def trial(folder, model, method, steps=6):
    data = {"train": str(folder / "train.jsonl"), "validation": str(folder / "validation.jsonl")}
    return TrialConfig(
        model=str(model),
        objective="classification",
        method=method,
        precision="fp32",
        data={**data, "max_length": 64},
        budget={"steps": steps, "evaluations": 1},
        batch_size=8,
        learning_rate=3e-3 if method == "full" else 2e-2,
        freeze={"last_blocks": 1},
    )


def workshop_for(folder, kind, architecture, method="full", longest=12):
    """A workshop with a trial's config, the rows of its validation file, and its inputs."""
    from trainables.training.inputs import prepare_inputs
    from trainables.training.workshop import Workshop

    model = small_encoder(folder / "model", architecture)
    write_rows(folder / "train.jsonl", kind, 1, longest=longest)
    rows = write_rows(folder / "validation.jsonl", kind, 2, 13, longest)
    config = trial(folder, model, method)
    prepared = prepare_inputs(config, folder / "cache")
    return Workshop(prepared.inputs), config, rows, prepared


def run(folder, *kinds, **options):
    """Train a trial: its last evaluation, the rows that it is about, and the inputs."""
    workshop, config, rows, prepared = workshop_for(folder, *kinds, **options)
    watcher = Watcher(folder)
    assert workshop.train(config, watcher).ending is Ending.COMPLETE
    return watcher.seen[-1], rows, prepared


def plain_logits(folder, model, rows):
    """transformers' own model, tokenizer and padding on the saved weights, one row at a time."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    best = folder / "best"
    tokenizer = AutoTokenizer.from_pretrained(best)
    if (best / "adapter_config.json").exists():
        import trainables.bottleneck  # noqa: F401

        labels = json.loads((folder / "labels.json").read_text())
        torch.manual_seed(99)  # what is new in the head must come from the adapter
        base = AutoModelForSequenceClassification.from_pretrained(model, num_labels=len(labels))
        loaded = PeftModel.from_pretrained(base, best).eval()
    else:
        loaded = AutoModelForSequenceClassification.from_pretrained(best).eval()
    found = []
    for each in rows:
        texts = (each["text"],) if "text" in each else (each["premise"], each["hypothesis"])
        inputs = tokenizer(
            *texts, truncation="longest_first", max_length=LENGTH, return_tensors="pt"
        )
        with torch.no_grad():
            found.append(loaded(**inputs).logits[0])
    return torch.stack(found), loaded.config


@pytest.mark.parametrize("architecture", SETTINGS)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_evaluation_is_what_transformers_computes_from_the_saved_weights(
    tmp_path, architecture, method
):
    import torch

    last, rows, prepared = run(tmp_path, "single_label", architecture, method)
    (tmp_path / "labels.json").write_text(json.dumps(prepared.inputs.labels))
    logits, config = plain_logits(tmp_path, tmp_path / "model", rows)
    truth = torch.tensor([prepared.inputs.labels.index(each["label"]) for each in rows])
    expected = torch.nn.functional.cross_entropy(logits, truth)
    assert last.metrics["eval_loss"] == pytest.approx(expected.item(), abs=2e-4)
    assert last.metrics["eval_accuracy"] == pytest.approx(
        (logits.argmax(-1) == truth).float().mean().item()
    )
    if method == "full":
        assert config.problem_type == "single_label_classification"
        assert config.id2label == {0: "few", 1: "many"}


@pytest.mark.parametrize("architecture", ["bert", "roberta", "modernbert"])
def test_several_labels_are_a_real_model_of_several_labels(tmp_path, architecture):
    import torch

    last, rows, prepared = run(tmp_path, "multi_label", architecture)
    assert prepared.inputs.labels == ("w0", "w1", "w2")
    logits, config = plain_logits(tmp_path, tmp_path / "model", rows)
    truth = torch.tensor([[float(n in each["labels"]) for n in WORDS[:3]] for each in rows])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    assert last.metrics["eval_loss"] == pytest.approx(expected.item(), abs=2e-4)
    same = ((logits > 0) == (truth > 0)).all(dim=1).float().mean().item()
    assert last.metrics["eval_subset_accuracy"] == pytest.approx(same)
    assert config.problem_type == "multi_label_classification"


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "deberta-v2"])
def test_a_regression_is_a_real_model_of_one_number(tmp_path, architecture):
    import torch

    last, rows, prepared = run(tmp_path, "regression", architecture)
    logits, config = plain_logits(tmp_path, tmp_path / "model", rows)
    truth = torch.tensor([each["label"] for each in rows])
    expected = torch.nn.functional.mse_loss(logits[:, 0], truth).item()
    assert last.metrics["eval_loss"] == pytest.approx(expected, abs=1e-4)
    assert (config.problem_type, config.num_labels) == ("regression", 1)
    assert prepared.summary.target == "regression"


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "electra"])
def test_a_pair_is_joined_and_cut_as_its_tokenizer_does(tmp_path, architecture):
    """With texts of up to 30 words where 32 tokens fit."""
    import torch

    last, rows, prepared = run(tmp_path, "pairs", architecture, longest=30)
    assert prepared.summary.truncated > 0 and prepared.summary.max_length == LENGTH
    logits, _ = plain_logits(tmp_path, tmp_path / "model", rows)
    truth = torch.tensor([each["label"] for each in rows])
    expected = torch.nn.functional.cross_entropy(logits, truth).item()
    assert last.metrics["eval_loss"] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("method", ["full", "lora", "qlora", "freeze", "adapter"])
@pytest.mark.parametrize("architecture", ["bert", "roberta", "deberta-v2", "modernbert"])
def test_each_method_learns(tmp_path, architecture, method):
    from trainables.training.workshop import Workshop

    workshop, *_ = workshop_for(tmp_path, "single_label", architecture, method)
    inputs = workshop.inputs
    workshop = Workshop(replace(inputs, validation=inputs.train))
    config = trial(tmp_path, tmp_path / "model", method, steps=30)
    base, watcher = workshop.measure_base(config), Watcher()
    workshop.train(config, watcher)
    assert watcher.losses[-1] < 0.95 * base.metrics["eval_loss"]


@pytest.mark.parametrize("objective", ["sft", "clm", "reward", "dpo", "kto"])
def test_an_encoder_is_refused_for_what_it_cannot_do(tmp_path, objective):
    from trainables.models.family_check import check_family

    model = small_encoder(tmp_path / "model", "bert")
    config = TrialConfig(model=str(model), objective=objective, data={"train": "rows.jsonl"})
    with pytest.raises(
        ModelError, match=f"model is an encoder, .*objective {objective} needs a dec"
    ):
        check_family(config)


@pytest.mark.parametrize("objective", ["sft", "classification"])
@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_an_encoder_decoder_is_refused(tmp_path, kind, objective):
    from transformers import CONFIG_MAPPING

    from trainables.models.family_check import check_family

    CONFIG_MAPPING[kind]().save_pretrained(tmp_path)
    config = TrialConfig(model=str(tmp_path), objective=objective, data={"train": "rows.jsonl"})
    with pytest.raises(ModelError, match="is an encoder-decoder, which no objective trains"):
        check_family(config)
