"""A packed example is learned from exactly as it is alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tiny_training as tiny
from small_models import small

from trainables.core.errors import RefusedError
from trainables.core.evaluation import Ending
from trainables.core.model_source import ModelSource
from trainables.data.tokens.examples import Example, Examples, write
from trainables.data.tokens.packing import Pack, Packs, best_fit, collate_packs, write_packs
from trainables.data.tokens.sequences import TokenSequence
from trainables.training.workshop import Workshop

CAPACITY = 48
KEEPS_APART = {
    "llama": {"num_key_value_heads": 2},
    "gpt2": {"n_positions": 64},
    "qwen2": {"num_key_value_heads": 2},
    "gemma2": {"num_key_value_heads": 2, "head_dim": 8},  # sliding windows, eager attention
}
_NARROW = {"num_key_value_heads": 2, "head_dim": 8, "sliding_window": 5}
WINDOWED = {
    "mistral": _NARROW,
    "gemma2": _NARROW,
    "gemma3_text": _NARROW,
    "phi3": {"num_key_value_heads": 2, "sliding_window": 5, "pad_token_id": 0},
}
"""Windows narrower than the examples."""
LETS_THROUGH = {
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},  # absolute positions, a mask of its own
    "falcon": {},
    "qwen3_next": {"num_key_value_heads": 2},  # a state that is carried along
    "bloom": {},  # no position ids at all
    "gpt_oss": {**_NARROW, "num_local_experts": 4, "num_experts_per_tok": 2},
}


def weighed(folder, count=14):
    """Examples of several lengths, turns and weights, packed: the set that was written."""
    rng = np.random.default_rng(4)
    examples = []
    for length in rng.integers(1, 20, count):
        tokens = rng.integers(2, tiny.VOCABULARY, length).tolist()
        turns = [place % 7 > 2 for place in range(length)]  # asked and answered, several times
        sequence = TokenSequence.of(tokens, turns)
        examples.append(Example((sequence,), weight=float(rng.choice([0.0, 0.5, 1.0, 2.0]))))
    write(folder, examples)
    write_packs(folder, best_fit(Examples(folder).lengths, CAPACITY))
    return Examples(folder)


def summed(model, batches):
    """Weighted token losses of all batches, and their gradients by parameter."""
    import torch

    from trainables.losses.causal_lm import CausalLm

    model.zero_grad()
    one, total = torch.ones(()), 0.0
    for batch in batches:
        tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
        loss = CausalLm().loss(model, tensors, one)
        loss.backward()
        total += loss.item()
    return total, {name: weight.grad.clone() for name, weight in model.named_parameters()}


def alone(example):
    """A batch of one example, as it is without packing."""
    from trainables.data.tokens.batches import collate

    return collate([example], pad_id=0)


@pytest.mark.parametrize(
    ("kind", "settings", "checkpointing"),
    [
        *(
            (*each, checkpointing)
            for each in KEEPS_APART.items()
            for checkpointing in (False, True)
        ),
        *((*each, False) for each in WINDOWED.items()),
    ],
)
def test_losses_and_gradients_of_packs_are_those_of_their_examples_alone(
    kind, settings, checkpointing, tmp_path
):
    import torch

    model = small(kind, **settings)
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    examples = weighed(tmp_path / "set")
    packs = list(Packs(examples))
    assert len({len(pack.joined().tokens) for pack in packs}) > 1, "some rows are padded"
    loss, gradients = summed(model, [collate_packs(packs[:2], 0), collate_packs(packs[2:], 0)])
    known, wanted = summed(model, [alone(each) for each in map(examples.__getitem__, range(14))])
    assert loss == pytest.approx(known, rel=1e-6, abs=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KEEPS_APART)
def test_models_that_keep_examples_apart_are_recognised(kind, dtype):
    import torch

    from trainables.models.isolation import check_isolation

    model = small(kind, **KEEPS_APART[kind]).to(getattr(torch, dtype)).train()
    check_isolation(model)
    assert model.training


@pytest.mark.parametrize("kind", LETS_THROUGH)
def test_models_that_would_let_one_example_see_another_are_refused(kind):
    from trainables.models.isolation import check_isolation

    with pytest.raises(RefusedError, match=r"^data.packing: .*; leave data.packing out"):
        check_isolation(small(kind, **LETS_THROUGH[kind]))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The tiny inputs; the 40 training sequences are packed as well, and so is a replay set."""
    folder = tmp_path_factory.mktemp("packing")
    made = dataclasses.replace(
        tiny.make_inputs(folder), mix=tiny.make_sequences(folder / "mix", 12, seed=3)
    )
    for part in (made.train, made.mix):
        write_packs(part, best_fit(Examples(part).lengths, CAPACITY))
    return made


@pytest.fixture(scope="module")
def workshop(inputs):
    return Workshop(inputs)


def packed(workshop, **params):
    outcome, watcher = tiny.run_trial(workshop, data__packing=True, **params)
    assert outcome.ending is Ending.COMPLETE
    return outcome, watcher


@pytest.mark.parametrize(
    "params",
    [
        {"method": "full"},
        {"method": "lora"},
        {"method": "adapter"},
        {"precision": "bf16"},
        {"gradient_checkpointing": True},
        {"label_smoothing": 0.1, "neftune_noise": 1.0},
        {"data__mix": {"train": "unused", "proportion": 0.5}},
    ],
    ids=str,
)
def test_a_packed_trial_learns(workshop, params):
    rate = {} if "method" in params else {"method": "lora"}
    _, watcher = packed(workshop, budget={"epochs": 6, "evaluations": 3}, **rate, **params)
    assert watcher.losses[-1] < watcher.losses[0]


def test_two_epochs_see_each_token_twice(workshop):
    outcome, _ = packed(workshop, budget={"epochs": 2, "evaluations": 1}, batch_size=1)
    assert outcome.cost.tokens == 2 * workshop.train_set.lengths.sum()


def test_a_batch_is_so_many_packed_sequences(inputs, workshop):
    packs = len(Packs(Examples(inputs.train)))
    config = tiny.trial(data__packing=True, budget={"epochs": 1}, batch_size=4)
    assert packs < 20 and workshop.plan(config, workers=1).steps == -(-packs // 4)


def test_the_validation_set_is_measured_example_by_example(inputs, workshop):
    _, packing = packed(workshop, learning_rate=1e-30)
    _, unpacked = tiny.run_trial(workshop, learning_rate=1e-30)
    assert packing.losses == unpacked.losses
    assert packing.losses[0] == workshop.measure_base(tiny.trial()).metrics["eval_loss"]


def test_one_step_on_a_pack_is_one_step_on_its_examples(inputs, tmp_path):
    """A whole trial through the trainer: the same weights, however the examples are laid out."""
    few = tiny.make_sequences(tmp_path / "few", 6, seed=5)
    write_packs(few, [[3, 0, 5], [1], [4, 2]])
    shop = Workshop(dataclasses.replace(inputs, train=few, mix=None))
    same = {"method": "full", "budget": {"steps": 3, "evaluations": 3}, "learning_rate": 1e-2}
    same["optimizer__name"] = "sgd"
    _, together = packed(shop, batch_size=3, micro_batch_size=3, **same)
    _, one_by_one = tiny.run_trial(shop, batch_size=6, micro_batch_size=2, **same)
    assert together.losses == pytest.approx(one_by_one.losses, abs=1e-5)
    assert together.losses[-1] < together.losses[0] - 1e-3


def test_a_set_that_was_prepared_without_packs_is_refused(workshop, inputs, tmp_path):
    plain = dataclasses.replace(inputs, train=tiny.make_sequences(tmp_path / "set", 9, seed=1))
    with pytest.raises(RefusedError, match="prepared without"):
        tiny.run_trial(Workshop(plain), data__packing=True)


def test_a_model_that_would_let_examples_see_each_other_ends_a_sweep_at_its_base(inputs, tmp_path):
    small("opt", **LETS_THROUGH["opt"]).save_pretrained(tmp_path / "opt")
    opt = dataclasses.replace(
        inputs, model=ModelSource(str(tmp_path / "opt")), tokenizer=inputs.model.name
    )
    shop = Workshop(opt)
    for attempt in (shop.measure_base, lambda config: shop.train(config, tiny.Watcher())):
        with pytest.raises(RefusedError, match="OPTForCausalLM lets packed examples"):
            attempt(tiny.trial(data__packing=True))
    assert shop.measure_base(tiny.trial()).metrics["eval_loss"] > 0


def test_a_pack_of_one_example_is_that_example(tmp_path):
    example = weighed(tmp_path / "set")[3]
    batch, same = collate_packs([Pack((example,))], 0), alone(example)
    assert batch["input_ids"].tolist() == same["input_ids"].tolist()
    assert batch["labels"].tolist() == same["labels"].tolist()


def test_packs_in_one_row_as_flash_attention_wants_them_train_the_same(tmp_path, monkeypatch):
    import torch

    from trainables.losses import forward
    from trainables.losses.batch import to_batch
    from trainables.losses.causal_lm import CausalLm
    from trainables.losses.head_check import apart
    from trainables.losses.tokens import TokenLosses

    model = small("llama")
    head = apart(model)
    batch = to_batch(collate_packs(list(Packs(weighed(tmp_path / "set")))[:3], 0))
    shapes = []
    model.register_forward_pre_hook(
        lambda _, __, inputs: shapes.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    losses = []
    for one_row in (False, True):
        monkeypatch.setattr(
            forward, "_separates_in_one_row_only", lambda model, is_so=one_row: is_so
        )
        for tokens in (TokenLosses(), TokenLosses(head)):
            with torch.no_grad():
                losses.append(CausalLm(tokens=tokens).loss(model, batch, torch.ones(())))
    rows, length = batch["input_ids"].shape
    assert shapes == [(rows, length)] * 2 + [(1, rows * length)] * 2
    assert torch.stack(losses).tolist() == pytest.approx([losses[0].item()] * 4, rel=1e-6)
