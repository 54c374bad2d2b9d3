"""New tokens: where their embeddings begin, that they learn, and that nothing else does."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import tiny_training as tiny
from tiny_training import Watcher, run_trial

from trainables.core.errors import RefusedError
from trainables.data.tokens.sequences import TokenSequence, write

NEW = (tiny.VOCABULARY, tiny.VOCABULARY + 1)


def with_new_tokens(folder, count, seed):
    """Sequences in which each of the two new tokens follows the other."""
    rng = np.random.default_rng(seed)
    write(
        folder,
        [
            TokenSequence.of([int(rng.integers(2, 64)), *NEW, *NEW], [False] + [True] * 4)
            for _ in range(count)
        ],
    )
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("vocabulary")
    made = tiny.make_inputs(folder / "plain")
    tokenizer = AutoTokenizer.from_pretrained(made.model.name)
    assert tokenizer.add_tokens(["<think>", "</think>"]) == len(NEW)
    tokenizer.save_pretrained(folder / "tokenizer")
    return dataclasses.replace(
        made,
        train=with_new_tokens(folder / "train", 16, seed=1),
        validation=with_new_tokens(folder / "validation", 8, seed=2),
        tokenizer=str(folder / "tokenizer"),
        new_tokens=NEW,
    )


@pytest.fixture(scope="module")
def workshop(inputs):
    from trainables.training.workshop import Workshop

    return Workshop(inputs)


def test_new_rows_begin_as_the_mean_of_the_known_ones(workshop, inputs):
    from safetensors.torch import load_file

    known = load_file(f"{inputs.model.name}/model.safetensors")
    base = workshop.lend(tiny.trial())
    for name in ("model.embed_tokens", "lm_head"):
        rows = base.get_submodule(name).weight
        assert rows.shape == (tiny.VOCABULARY + 2, 32)
        np.testing.assert_allclose(rows[64], known[f"{name}.weight"].mean(dim=0), atol=1e-6)
        np.testing.assert_array_equal(rows[64], rows[65])


@pytest.mark.parametrize("method", ["lora", "freeze", "full"])
def test_the_loss_over_new_tokens_falls(workshop, method):
    before = tiny.fingerprint(workshop.lend(tiny.trial()))
    outcome, watcher = run_trial(workshop, method=method, budget__steps=20, learning_rate=0.02)
    base = workshop.measure_base(tiny.trial()).metrics["eval_loss"]
    assert watcher.losses[-1] < 0.2 * base
    assert tiny.fingerprint(workshop.lend(tiny.trial())) == before
    assert outcome.cost.trainable_parameters > 0


def test_with_lora_two_rows_of_both_embeddings_train_beside_the_adapters(workshop, inputs):
    plain = run_trial(workshop, lora__rank=4)[0].cost.trainable_parameters
    adapters = 4 * 2 * (4 * (32 + 32) + 3 * (32 + 48)) - 4 * 2 * 2 * 16
    assert plain == adapters + 2 * 2 * 32


def test_a_saved_adapter_brings_its_tokens_along(workshop, inputs, tmp_path):
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    watcher = Watcher(tmp_path)
    run_trial(workshop, watcher, budget__steps=10)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "best")
    assert tuple(tokenizer.convert_tokens_to_ids(["<think>", "</think>"])) == NEW
    model = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "best")
    loss = tiny.measured(model, inputs.validation).metrics["eval_loss"]
    assert loss == pytest.approx(watcher.losses[-1], abs=1e-5)


def test_plain_peft_loads_it_as_the_page_on_methods_says(workshop, inputs, tmp_path):
    page = Path("docs/methods.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    watcher = Watcher(tmp_path)
    run_trial(workshop, watcher, budget__steps=10)
    names = {"base": inputs.model.name, "folder": tmp_path / "best"}
    exec(code, names)
    loss = tiny.measured(names["model"], inputs.validation).metrics["eval_loss"]
    assert loss == pytest.approx(watcher.losses[-1], abs=1e-5)
    assert names["tokenizer"]("<think>")["input_ids"] == [NEW[0]]


def test_the_trial_that_loads_the_base_learns_what_the_next_one_like_it_does(inputs):
    from trainables.training.workshop import Workshop

    workshop = Workshop(inputs)
    cold, warm = (run_trial(workshop, budget__steps=4)[1].losses for _ in range(2))
    assert cold == warm


@pytest.mark.parametrize("method", ["prefix", "prompt", "ptuning", "adapter"])
def test_a_method_that_cannot_train_embeddings_is_refused(workshop, method):
    with pytest.raises(
        RefusedError, match=f"data.new_tokens: method {method} does not train the embed"
    ):
        run_trial(workshop, method=method, data__new_tokens=["<think>", "</think>"])
