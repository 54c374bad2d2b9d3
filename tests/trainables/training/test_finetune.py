from __future__ import annotations

import contextlib
import gc
import math
import os
import weakref

import numpy as np
import pytest
import tiny_training as tiny
from host_reads import reads_of_each_step
from tiny_training import Watcher, run_trial

from trainables.core.errors import RefusedError
from trainables.core.evaluation import Ending
from trainables.core.model_source import ModelSource
from trainables.data.tokens.sequences import Sequences


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("finetune"))


@pytest.fixture(scope="module")
def workshop(inputs):
    """One for all tests of the file, as a slot's is one for all its trials."""
    from trainables.training.workshop import Workshop

    return Workshop(inputs)


@pytest.fixture
def pristine(inputs, workshop):
    """The hash of the base as it is on disk; afterwards the workshop's base must have the same."""
    import torch

    from trainables.training.base import Loading, load_model

    before = tiny.fingerprint(load_model(inputs.model, Loading(torch.float32)))
    yield before
    assert tiny.fingerprint(workshop.lend(tiny.trial())) == before


@pytest.fixture(scope="module")
def reference(workshop):
    """What TRIAL gives; every later run of it must give the same."""
    return run_trial(workshop)


@pytest.fixture
def group_of_one(monkeypatch):
    """What Ray Train sets up around a slot's only worker."""
    import torch.distributed as dist

    for name in ("RANK", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.setenv(name, "0")
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "1")
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


class Gradients(Watcher):
    """Looks, after each step, who keeps gradients to share them with other workers."""

    def asked_to_end(self):
        from torch.nn.parallel import DistributedDataParallel

        sharing = [o for o in gc.get_objects() if type(o) is DistributedDataParallel]
        assert not sharing, "a second copy of all gradients"
        return super().asked_to_end()


def test_a_worker_that_is_alone_shares_its_gradients_with_nobody(workshop, reference, group_of_one):
    watcher = run_trial(workshop, Gradients())[1]
    assert watcher.steps == 4
    assert watcher.losses == reference[1].losses
    assert os.environ["LOCAL_RANK"] == "0"


def test_lora_leaves_the_base_bit_for_bit_as_it_was(workshop, pristine):
    import torch

    for thrifty in (False, True):
        outcome, _ = run_trial(workshop, learning_rate=0.1, gradient_checkpointing=thrifty)
        assert outcome.ending is Ending.COMPLETE
    base = workshop.lend(tiny.trial())
    assert tiny.fingerprint(base) == pristine
    assert not any(weight.requires_grad or weight.grad is not None for weight in base.parameters())
    assert not any(type(module).__module__.startswith("peft") for module in base.modules())
    assert all(weight.dtype is torch.float32 for weight in base.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in base.modules())


def test_a_full_fine_tune_leaves_the_workshops_base_pristine(workshop, pristine):
    outcome, watcher = run_trial(workshop, method="full", learning_rate=1e-2)
    assert outcome.ending is Ending.COMPLETE
    assert watcher.losses[-1] < workshop.measure_base(tiny.trial()).metrics["eval_loss"]


def test_parameters_are_counted_as_the_architecture_says(workshop):
    hidden, inner, kv, rank = 32, 48, 16, 4
    shapes = [(hidden, hidden)] * 2 + [(hidden, kv)] * 2 + [(hidden, inner)] * 2 + [(inner, hidden)]
    base = 2 * 64 * hidden + 2 * (sum(a * b for a, b in shapes) + 2 * hidden) + hidden
    adapter = 2 * sum(rank * (a + b) for a, b in shapes)
    cost = run_trial(workshop, budget__steps=1, lora__rank=rank)[0].cost
    assert (cost.trainable_parameters, cost.total_parameters) == (adapter, base + adapter)
    cost = run_trial(workshop, budget__steps=1, method="full")[0].cost
    assert (cost.trainable_parameters, cost.total_parameters) == (base, base)


@pytest.mark.parametrize(
    ("modules", "touched"),
    [
        ("attention", {"q_proj", "k_proj", "v_proj", "o_proj"}),
        ("mlp", {"gate_proj", "up_proj", "down_proj"}),
        (["q_proj", "up_proj"], {"q_proj", "up_proj"}),
    ],
    ids=["attention", "mlp", "by name"],
)
def test_lora_touches_the_modules_that_were_named(workshop, modules, touched):
    from trainables.models import tuned

    config = tiny.trial(lora__target_modules=modules)
    model = tuned.attach(workshop.lend(config), config)
    names = {name.split(".")[-4] for name, w in model.named_parameters() if w.requires_grad}
    tuned.detach(model)
    assert names == touched


def test_the_same_seed_is_the_same_trial_whatever_came_between(workshop, reference):
    run_trial(workshop, seed=5, lora__rank=7, lora__dropout=0.3, learning_rate=0.3)
    run_trial(workshop, seed=5, method="full", schedule="constant", optimizer__weight_decay=0.5)
    again = run_trial(workshop)[1]
    assert again.losses == reference[1].losses
    assert run_trial(workshop, seed=12)[1].losses != again.losses


def test_measuring_more_often_does_not_change_the_training(workshop):
    often = run_trial(workshop, lora__dropout=0.2, budget__evaluations=4)[1]
    seldom = run_trial(workshop, lora__dropout=0.2, budget__evaluations=1)[1]
    assert often.losses[-1] == seldom.losses[-1]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_one_micro_batch_of_8_is_8_micro_batches_of_1(workshop, method, tmp_path):
    """Only in the order of its sums may a step differ, though the sequences' lengths do."""
    from safetensors.numpy import load_file

    made = {}
    for size in (8, 2, 1):
        watcher = Watcher(tmp_path / str(size))
        run_trial(
            workshop,
            watcher,
            method=method,
            micro_batch_size=size,
            budget__steps=3,
            budget__evaluations=3,
            optimizer__epsilon=1e-3,
        )
        file = "adapter_model.safetensors" if method == "lora" else "model.safetensors"
        made[size] = watcher.losses, load_file(tmp_path / str(size) / "best" / file)
    for size in (2, 1):
        assert made[size][0] == pytest.approx(made[8][0], abs=1e-5)
        for name, weight in made[8][1].items():
            np.testing.assert_allclose(made[size][1][name], weight, atol=1e-5)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss_falls(workshop, method, precision, pristine):
    base = workshop.measure_base(tiny.trial(precision=precision)).metrics["eval_loss"]
    outcome, watcher = run_trial(
        workshop, method=method, precision=precision, budget__steps=20, budget__evaluations=4
    )
    assert outcome.ending is Ending.COMPLETE
    losses = [base, *watcher.losses]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.8 * base


def test_one_step_of_a_full_fine_tune_is_that_of_plain_pytorch(workshop, inputs):
    """Against AdamW by hand: the mean over all target tokens of the batch, and clipping."""
    import torch

    from trainables.training.base import Loading, load_model
    from trainables.training.plan import make_plan

    config = tiny.trial(method="full", budget__steps=2, budget__evaluations=2, schedule="linear")
    config = config.with_params({"optimizer.weight_decay": 0.1, "optimizer.max_grad_norm": 0.05})
    config = config.with_params({"optimizer.beta1": 0.7, "optimizer.beta2": 0.8})
    watcher = Watcher()
    workshop.train(config, watcher)

    model = load_model(inputs.model, Loading(torch.float32)).requires_grad_(True)
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.7, 0.8),
    )
    plan = make_plan(config, workshop.train_set.lengths, workers=1)
    expected = []
    for batch in plan.order.reshape(2, 8):
        sums, count = zip(*(loss_sum(model, workshop.train_set[i]) for i in batch), strict=True)
        (sum(sums) / sum(count)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        for group in optimizer.param_groups:
            # Of two steps none is warm-up: 0.25 x 2 rounds to 0. The line falls from 1 to 0.
            group["lr"] = config.learning_rate * (1 - len(expected) / 2)
        optimizer.step()
        optimizer.zero_grad()
        sums, count = zip(*(loss_sum(model, s) for s in workshop.validation_set), strict=True)
        expected.append((sum(sums) / sum(count)).item())
    assert watcher.losses == pytest.approx(expected, abs=1e-5)


def test_a_ramps_first_step_is_that_of_a_smaller_batch(workshop):
    ramped, small = Watcher(), Watcher()
    budget = {"budget__steps": 1, "budget__evaluations": 1}
    start = {"batch_ramp__start_fraction": 0.25, "batch_ramp__fraction": 1.0}
    run_trial(workshop, ramped, batch_size=8, micro_batch_size=4, **start, **budget)
    run_trial(workshop, small, batch_size=2, micro_batch_size=1, **budget)
    assert ramped.losses == pytest.approx(small.losses, abs=1e-6)


def loss_sum(model, example):
    import torch

    (sequence,) = example.sequences
    ids = torch.tensor(np.array(sequence.tokens), dtype=torch.long)[None]
    marks = torch.tensor(np.array(sequence.targets))[None]
    logits = model(input_ids=ids).logits[0, :-1]
    chosen = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    return -(chosen * marks[0, 1:]).sum(), int(marks.sum())


@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate": 1e25, "optimizer__max_grad_norm": 0.0},
        {"learning_rate": 1e25, "method": "full", "schedule": "constant"},
        {"learning_rate": 1e25, "precision": "bf16", "budget__evaluations": 1},
    ],
    ids=["lora", "full", "bf16"],
)
def test_a_trial_that_diverges_ends_at_once_and_harms_no_other(
    workshop, reference, pristine, params
):
    outcome, watcher = run_trial(workshop, budget__steps=300, warmup_fraction=0.0, **params)
    assert outcome.ending is Ending.DIVERGED
    assert "is not finite at step" in outcome.error
    assert int(outcome.error.split()[-1]) <= 5
    assert all(math.isfinite(loss) for loss in watcher.losses)
    assert run_trial(workshop)[1].losses == reference[1].losses


def test_no_step_waits_for_its_own_loss_but_that_of_an_evaluation(workshop):
    with reads_of_each_step() as reads:
        outcome, watcher = run_trial(workshop, budget__steps=12, budget__evaluations=3)
    assert outcome.ending is Ending.COMPLETE and watcher.steps == 12
    assert set(reads.fresh) == {4, 8, 12}, "where the evaluation itself waits for the device"


@pytest.mark.parametrize(("evaluations", "most"), [(1, 1), (6, 1), (10, 0), (30, 0)])
def test_a_loss_that_is_no_number_ends_the_trial_within_a_step_and_is_never_measured(
    workshop, monkeypatch, evaluations, most
):
    """At an evaluation point it is seen at once, elsewhere one step later."""
    from trainables.losses.causal_lm import CausalLm

    loss, losses = CausalLm.loss, []

    def broken(self, model, batch, items):
        losses.append(loss(self, model, batch, items))
        # Two micro-batches are a step: the sixth step's loss is NaN, and no weight is.
        return losses[-1] + (math.nan if len(losses) == 12 else 0.0)

    monkeypatch.setattr(CausalLm, "loss", broken)
    outcome, watcher = run_trial(workshop, budget__steps=30, budget__evaluations=evaluations)
    assert outcome.ending is Ending.DIVERGED
    assert outcome.error == "the training loss is not finite at step 6"
    assert watcher.steps == 6 + most
    assert all(evaluation.step < 6 for evaluation in watcher.seen)


def test_a_stop_that_is_asked_for_ends_the_trial_at_that_step(workshop, reference):
    outcome, watcher = run_trial(workshop, Watcher(stop_at_step=3), budget__steps=40)
    assert outcome.ending is Ending.STOPPED and outcome.error is None
    assert watcher.steps == 3 and watcher.seen == []
    longer = run_trial(workshop, budget__steps=40, budget__evaluations=1)[0]
    assert 0 < outcome.cost.tokens < longer.cost.tokens / 10
    assert run_trial(workshop)[1].losses == reference[1].losses


def test_a_verdict_ends_the_trial_after_its_point(workshop):
    outcome, watcher = run_trial(
        workshop, Watcher(stop_after_point=2), budget__steps=40, budget__evaluations=20
    )
    assert outcome.ending is Ending.STOPPED
    assert [(e.point, e.step) for e in watcher.seen] == [(1, 2), (2, 4)] and watcher.steps == 4


def test_a_trial_told_to_stop_at_its_last_point_is_complete(workshop):
    outcome, watcher = run_trial(workshop, Watcher(stop_after_point=2))
    assert outcome.ending is Ending.COMPLETE and len(watcher.seen) == 2


@pytest.mark.parametrize(
    ("steps", "evaluations", "expected"),
    [
        (6, 3, [(1, 2), (2, 4), (3, 6)]),
        (5, 2, [(1, 2), (2, 5)]),
        (2, 4, [(2, 1), (4, 2)]),
        (1, 4, [(4, 1)]),
    ],
)
def test_evaluation_points_come_in_order_and_no_step_is_measured_twice(
    workshop, steps, evaluations, expected
):
    outcome, watcher = run_trial(workshop, budget__steps=steps, budget__evaluations=evaluations)
    assert [(e.point, e.step) for e in watcher.seen] == expected
    assert outcome.ending is Ending.COMPLETE and watcher.steps == steps


def test_cost_counts_the_tokens_that_were_trained_on(workshop):
    lengths = Sequences.open(workshop.inputs.train).lengths
    outcome, watcher = run_trial(workshop, budget={"epochs": 2.0, "evaluations": 2})
    # 40 sequences in batches of 8, twice.
    assert [e.step for e in watcher.seen] == [5, 10]
    assert [e.cost.tokens for e in watcher.seen] == [lengths.sum(), 2 * lengths.sum()]
    assert outcome.cost.tokens == 2 * lengths.sum()
    assert 0 < watcher.seen[0].cost.seconds < watcher.seen[1].cost.seconds
    assert outcome.cost.peak_memory_bytes > 2**20
    assert outcome.cost.kernels["logits"] == "targets"


def test_the_adapter_that_was_kept_scores_the_same_on_a_fresh_base(workshop, inputs, tmp_path):
    import torch
    from peft import PeftModel
    from transformers import AutoTokenizer

    from trainables.training.base import Loading, load_model

    _, watcher = run_trial(workshop, Watcher(tmp_path))
    assert not any("partial" in path.name for path in tmp_path.iterdir())
    fresh = load_model(inputs.model, Loading(torch.float32))
    kept = PeftModel.from_pretrained(fresh, tmp_path / "best")
    scores = tiny.measured(kept, workshop.inputs.validation)
    assert scores.metrics["eval_loss"] == pytest.approx(watcher.losses[-1], abs=1e-6)
    assert AutoTokenizer.from_pretrained(tmp_path / "best")("w5 w6")["input_ids"] == [5, 6]
    assert {path.suffix for path in (tmp_path / "best").iterdir()} <= {
        ".json",
        ".safetensors",
        ".md",
    }


def test_the_model_that_a_full_fine_tune_kept_scores_the_same(workshop, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    _, watcher = run_trial(workshop, Watcher(tmp_path), method="full")
    kept = AutoModelForCausalLM.from_pretrained(tmp_path / "best", dtype=torch.float32)
    scores = tiny.measured(kept, workshop.inputs.validation)
    assert scores.metrics["eval_loss"] == pytest.approx(watcher.losses[-1], abs=1e-6)
    assert kept.config.use_cache, "whoever generates with it wants the cache"


def test_the_losses_that_were_kept_add_up_to_the_evaluation(workshop, tmp_path):
    _, watcher = run_trial(workshop, Watcher(tmp_path))
    kept = np.load(tmp_path / "losses.npz")
    assert list(kept["token_counts"]) == list(
        Sequences.open(workshop.inputs.validation).target_counts
    )
    mean = kept["loss_sums"].sum() / kept["token_counts"].sum()
    assert mean == pytest.approx(watcher.losses[-1])


def test_the_base_is_measured_as_point_zero_without_touching_it(workshop, tmp_path, pristine):
    base = workshop.measure_base(tiny.trial(), tmp_path / "deep" / "losses.npz")
    assert (base.point, base.step) == (0, 0)
    assert all(map(math.isfinite, base.metrics.values()))
    kept = np.load(tmp_path / "deep" / "losses.npz")
    mean = kept["loss_sums"].sum() / kept["token_counts"].sum()
    assert mean == pytest.approx(base.metrics["eval_loss"])
    assert set(base.metrics) == {"eval_loss", "eval_perplexity", "eval_token_accuracy"}


@pytest.fixture
def attention_calls(monkeypatch):
    """The dtype of what each block's attention gives while a model trains, call by call."""
    from transformers.models.llama.modeling_llama import LlamaAttention

    forward, dtypes = LlamaAttention.forward, []

    def watched(self, *args, **kwargs):
        out = forward(self, *args, **kwargs)
        if self.training:
            dtypes.append(str(out[0].dtype))
        return out

    monkeypatch.setattr(LlamaAttention, "forward", watched)
    return dtypes


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("fp32", "torch.float32"), ("bf16", "torch.bfloat16")],
)
def test_a_trial_computes_in_its_precision(workshop, attention_calls, method, precision, dtype):
    run_trial(workshop, method=method, precision=precision, budget__steps=1)
    assert set(attention_calls) == {dtype}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_gradient_checkpointing_computes_each_block_twice_and_only_in_its_own_trial(
    workshop, attention_calls, method
):
    counts = []
    for on in (False, True, True, False):
        before = len(attention_calls)
        run_trial(workshop, method=method, budget__steps=1, gradient_checkpointing=on)
        counts.append(len(attention_calls) - before)
    # 2 blocks and 2 micro-batches.
    assert counts == [4, 8, 8, 4]


def test_gradient_checkpointing_changes_nothing_but_memory(workshop, reference):
    for method in ("lora", "full"):
        plain = run_trial(workshop, method=method)[1].losses
        thrifty = run_trial(workshop, method=method, gradient_checkpointing=True)[1].losses
        assert thrifty == pytest.approx(plain, abs=1e-6)
        assert run_trial(workshop, method=method)[1].losses == plain
    assert run_trial(workshop)[1].losses == reference[1].losses


@pytest.fixture
def loads(monkeypatch):
    return tiny.loads_seen_by(monkeypatch)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"lora__target_modules": ["nowhere"]}, "no module named 'nowhere'"),
        ({"budget__steps": 10**8}, "at most 100,000,000 are planned"),
        ({"method": "freeze", "freeze__last_blocks": 9}, "more than the 2 blocks"),
        ({"data__packing": True}, "prepared without data.packing"),
        ({"method": "prefix", "prefix__virtual_tokens": 60}, "more than the 64 of the model"),
    ],
    ids=str,
)
def test_a_refused_trial_costs_no_reload_and_harms_no_other(
    workshop, reference, pristine, loads, params, reason
):
    with pytest.raises(RefusedError, match=reason):
        run_trial(workshop, **params)
    assert run_trial(workshop)[1].losses == reference[1].losses
    assert loads == []


def test_a_trial_that_cannot_start_costs_no_reload_and_harms_no_other(
    workshop, reference, pristine, loads, monkeypatch
):
    from trainables.training import trained

    def broken(*args):
        raise MemoryError("no room for a trainer")

    for method in ("lora", "adapter", "prompt", "full"):
        with monkeypatch.context() as patch:
            patch.setattr(trained, "make_trainer", broken)
            with pytest.raises(MemoryError):
                run_trial(workshop, method=method)
        assert run_trial(workshop)[1].losses == reference[1].losses
    assert loads == []


def test_a_trial_that_breaks_while_adapters_are_put_on_harms_no_other(
    workshop, reference, pristine, loads, monkeypatch
):
    """As when a GPU's memory ends in the middle of it."""
    from peft.tuners.lora.layer import LoraLayer

    original, calls = LoraLayer.update_layer, []

    def breaks_at_the_third(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise MemoryError("no room for the third adapter")
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(LoraLayer, "update_layer", breaks_at_the_third)
        with pytest.raises(MemoryError):
            run_trial(workshop)
    assert run_trial(workshop)[1].losses == reference[1].losses
    assert len(loads) == 1, "two adapters were left on the base that was loaded"


def test_an_error_in_the_middle_of_a_trial_harms_no_other(workshop, reference, pristine):
    class Broken(Watcher):
        def evaluated(self, evaluation):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_trial(workshop, Broken())
    assert run_trial(workshop)[1].losses == reference[1].losses


class Lent(list):
    """Weak references to all models lent, and how many were still alive whenever one was."""

    def __init__(self):
        self.alive = []


@pytest.fixture
def lent(workshop, monkeypatch):
    """What is lent from now on. The garbage collector comes only when a trial calls it."""
    lend, models = workshop.lend, Lent()

    def watched(config):
        models.alive.append(sum(model() is not None for model in models))
        model = lend(config)
        models.append(weakref.ref(model))
        return model

    monkeypatch.setattr(workshop, "lend", watched)
    gc.disable()
    yield models
    gc.enable()


def test_a_trial_has_let_go_of_its_model_when_it_returns(workshop, lent):
    run_trial(workshop, method="full", budget__steps=2)
    run_trial(workshop, method="full", budget__steps=3, warmup_fraction=0.0, learning_rate=1e25)
    assert [model() for model in lent] == [None, None]


def test_a_trial_that_broke_has_let_go_of_its_model_when_the_next_is_lent_one(workshop, lent):
    class Broken(Watcher):
        def evaluated(self, evaluation):
            raise MemoryError("out of memory")

    for _ in range(2):
        with contextlib.suppress(MemoryError):
            run_trial(workshop, Broken(), method="full")
    assert lent.alive == [0, 0]


def test_a_model_that_cannot_be_loaded_is_refused_with_its_name(tmp_path):
    import torch

    from trainables.core.errors import ModelError
    from trainables.training.base import Loading, load_model

    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelError, match=f"model '{tmp_path}': its folder cannot be loaded"):
        load_model(ModelSource(str(tmp_path)), Loading(torch.float32))


def test_a_trial_whose_values_contradict_the_users_deepspeed_json_is_refused(workshop):
    theirs = {"train_batch_size": 8, "zero_optimization": {"stage": 1}}
    message = r"config: train_batch_size is 8 there, but batch_size makes it 12; write \"auto\""
    with pytest.raises(RefusedError, match=message):
        run_trial(workshop, deepspeed__config=theirs, batch_size=12)
