from __future__ import annotations

import math
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_training as tiny

from trainables.core.model_source import ModelSource
from trainables.data.tokens.sequences import Sequences, TokenSequence, write


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("causal_lm"))


@pytest.fixture(scope="module")
def model(inputs):
    import torch

    from trainables.training.base import Loading, load_model

    return load_model(inputs.model, Loading(torch.float32))


def one_by_one(model, sequences):
    """transformers' own loss of each sequence by itself, the number of its targets, and the hits
    of the likeliest predictions."""
    import torch

    rows = []
    for tokens, targets in sequences:
        ids = torch.tensor(np.array(tokens), dtype=torch.long)[None]
        marks = torch.tensor(np.array(targets))[None]
        with torch.no_grad():
            out = model(input_ids=ids, labels=ids.where(marks, torch.tensor(-100)))
        count = int(marks.sum())
        hits = (out.logits[0, :-1].argmax(-1) == ids[0, 1:])[marks[0, 1:]].sum()
        rows.append((float(out.loss) * count if count else 0.0, count, int(hits)))
    return np.array(rows).T


@pytest.mark.parametrize("most_elements", [1, 4000, 2**27])
@pytest.mark.parametrize("micro_batch_size", [1, 3, 8, 100])
def test_the_loss_is_the_mean_over_all_target_tokens_however_it_is_cut(
    model, inputs, micro_batch_size, most_elements, monkeypatch
):
    from trainables.losses import tokens

    monkeypatch.setattr(tokens, "MOST_ELEMENTS", most_elements)
    losses, counts, hits = one_by_one(model, Sequences.open(inputs.validation))
    scores = tiny.measured(model, inputs.validation, micro_batch_size)
    assert scores.losses == pytest.approx(losses, rel=1e-5)
    assert list(scores.counts) == list(counts)
    metrics = scores.metrics
    assert metrics["eval_loss"] == pytest.approx(losses.sum() / counts.sum(), abs=1e-6)
    assert metrics["eval_perplexity"] == pytest.approx(math.exp(losses.sum() / counts.sum()))
    assert metrics["eval_token_accuracy"] == hits.sum() / counts.sum()
    # It is not the mean of the sequences' means, which would be another number here.
    assert abs(metrics["eval_loss"] - np.mean(losses / counts)) > 1e-3


def test_a_sequence_without_targets_counts_for_nothing(model, tmp_path):
    asked = TokenSequence.of([5, 6, 7], [False] * 3)
    answered = TokenSequence.of([5, 6, 7, 8], [False, False, True, True])
    write(tmp_path / "both", [asked, answered])
    write(tmp_path / "one", [answered])
    both, one = (tiny.measured(model, tmp_path / name) for name in ("both", "one"))
    assert list(both.counts) == [0, 2] and both.losses[0] == 0
    assert both.metrics["eval_loss"] == pytest.approx(one.metrics["eval_loss"], abs=1e-6)


def test_measuring_leaves_the_model_in_its_mode_and_without_gradients(model, inputs):
    for training in (True, False):
        model.train(training)
        tiny.measured(model, inputs.validation)
        assert model.training is training
    assert all(weight.grad is None for weight in model.parameters())


def test_dropout_is_off_while_measuring(model, inputs):
    import torch

    from trainables.models import tuned

    peft_model = tuned.attach(model, tiny.trial(lora__dropout=0.9))
    try:
        peft_model.train()
        with torch.no_grad():
            for name, weight in peft_model.named_parameters():
                if "lora_B" in name:
                    weight.fill_(0.1)
        first, second = (tiny.measured(peft_model, inputs.validation).losses for _ in range(2))
    finally:
        tuned.detach(peft_model)
    assert list(first) == list(second)


def test_bf16_measures_nearly_the_same(model, inputs):
    import torch

    exact, rounded = (
        tiny.measured(model, inputs.validation, autocast=dtype).metrics["eval_loss"]
        for dtype in (None, torch.bfloat16)
    )
    assert exact != rounded and rounded == pytest.approx(exact, rel=0.01)


def test_a_hopeless_loss_has_an_infinite_perplexity_and_raises_nothing():
    from trainables.losses.causal_lm import CausalLm

    examples = SimpleNamespace(text_bytes=np.array([np.nan]))
    scores = CausalLm().scores(np.array([[9e3, 10.0, 0.0]]), examples)
    assert scores.metrics == {
        "eval_loss": 900.0,
        "eval_perplexity": math.inf,
        "eval_token_accuracy": 0.0,
    }


@pytest.mark.skipif("SWEEP_TEST_DATA" not in os.environ, reason="SWEEP_TEST_DATA is not set")
def test_a_real_model_measures_what_is_known_of_it(tmp_path):
    import torch
    from transformers import AutoTokenizer

    from trainables.training.base import Loading, load_model

    data = Path(os.environ["SWEEP_TEST_DATA"])
    folder = data / "models/stories260K_hf"
    model = load_model(ModelSource(str(folder)), Loading(torch.float32))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    stories = (data / "corpus/tinystories_1200.txt").read_text().split("<|endoftext|>")[200:260]
    play = (data / "corpus/tinyshakespeare.txt").read_text()
    texts = {
        "stories": [story.strip() for story in stories],
        "play": [play[start : start + 800] for start in range(0, 60 * 800, 800)],
    }
    # Nats per token of the model's own float32 reference run, to three decimals.
    for name, known in (("stories", 1.527), ("play", 4.734)):
        encoded = [tokenizer(text)["input_ids"][:500] for text in texts[name]]
        write(tmp_path / name, [TokenSequence.of(ids, [True] * len(ids)) for ids in encoded])
        metrics = tiny.measured(model, tmp_path / name).metrics
        assert metrics["eval_loss"] == pytest.approx(known, abs=5e-4)
