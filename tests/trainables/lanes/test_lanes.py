"""What happens in one lane reaches no other: any company, any order, any end."""

from __future__ import annotations

import gc
import math
import threading

import numpy as np
import psutil
import pytest
import tiny_training as tiny
import torch
from lane_training import Kept, entry, in_lanes, run_lanes

from trainables.core.evaluation import Ending
from trainables.training.checkpoints import Checkpoints

VARIED = (
    {"lora__rank": 4},
    {"lora__rank": 16, "lora__rslora": True, "batch_size": 4, "seed": 1},
    {"lora__target_modules": "attention", "schedule": "linear", "learning_rate": 3e-3},
    {"lora__target_modules": ("down_proj",), "optimizer__name": "sgd", "learning_rate": 0.1},
    {"lora__dropout": 0.2, "batch_size": 6, "micro_batch_size": 2, "seed": 2},
    {"lora__learning_rate_ratio": 4.0, "optimizer__weight_decay": 0.1, "lora__alpha": 8.0},
    {"optimizer__max_grad_norm": 0.05, "optimizer__name": "adam", "lora__init": "gaussian"},
    {"lora__dropout": 0.1, "lora__rank": 2, "micro_batch_size": 8, "warmup_fraction": 0.0},
)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("lanes")))


class Trained(Kept):
    """Also keeps the trained weights and the optimizer's moments at each evaluation."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.states = []

    def watch(self, made):
        self.lane = made

    def evaluated(self, evaluation):
        moments = self.lane.optimizer.state_dict()["state"]
        kept = [w.detach().clone() for w in self.lane.adapter.parameters]
        kept += [
            value.clone()
            for each in moments.values()
            for value in each.values()
            if isinstance(value, torch.Tensor)
        ]
        self.states.append(kept)
        return super().evaluated(evaluation)


@pytest.fixture
def watched(monkeypatch):
    """Tells each `Trained` of its lane."""
    from trainables.lanes import lane, seat

    class Watched(lane.Lane):
        def __init__(self, asked, *rest):
            super().__init__(asked, *rest)
            if isinstance(asked.monitor, Trained):
                asked.monitor.watch(self)

    monkeypatch.setattr(seat, "Lane", Watched)


def differs(one, other):
    """The largest difference of the weights and moments of two trials, relative to the value."""
    pairs = [
        pair
        for mine, theirs in zip(one.states, other.states, strict=True)
        for pair in zip(mine, theirs, strict=True)
    ]
    return max(float(((a - b).abs() / b.abs().clamp(min=1.0)).max()) for a, b in pairs)


@pytest.fixture
def in_float64(monkeypatch, tmp_path):
    """A workshop whose model computes in float64 alone: no part of it rounds to float32."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    from trainables.training import base
    from trainables.training.workshop import Workshop

    inputs = tiny.make_inputs(tmp_path)
    config = GPTNeoXConfig(
        vocab_size=tiny.VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        initializer_range=0.2,
        attention_dropout=0.0,
        hidden_dropout=0.0,
    )
    GPTNeoXForCausalLM(config).save_pretrained(inputs.model.name)
    monkeypatch.setitem(base.DTYPES, "fp32", torch.float64)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    return Workshop(inputs)


EXACT = tuple(
    {**params, "lora__target_modules": ("dense_4h_to_h",), "learning_rate": 0.05}
    if params.get("lora__target_modules") == ("down_proj",)
    else params
    for params in VARIED
)
"""The same for GPT-NeoX, with its name of that module."""

LONG = {"budget__steps": 30, "budget__evaluations": 5}


def test_eight_unlike_lanes_with_stops_and_refills_train_as_each_alone(in_float64, watched):
    def asked(number):
        params = {"learning_rate": 1e-3, **EXACT[number % len(EXACT)], **LONG}
        stop = {3: 1, 6: 2}.get(number)
        return entry(tiny.trial(**params), Trained(stop_after_point=stop))

    together = run_lanes(in_float64, *map(asked, range(11)), lanes=8)
    for number, kept in enumerate(together):
        assert kept.error is None and kept.alone is None
        (alone,) = run_lanes(in_float64, asked(number))
        assert kept.outcome.ending is alone.outcome.ending
        assert kept.losses == pytest.approx(alone.losses, abs=1e-9)
        assert differs(kept, alone) < 1e-9


def test_in_float32_losses_agree(workshop):
    configs = [tiny.trial(**{"learning_rate": 3e-3, **params}) for params in VARIED]
    for kept, config in zip(in_lanes(workshop, *configs, lanes=5), configs, strict=True):
        (alone,) = in_lanes(workshop, config)
        assert kept.losses == pytest.approx(alone.losses, abs=1e-5)


class Poisoned(Trained):
    """Its weights become NaN in the second step."""

    def asked_to_end(self):
        ending = super().asked_to_end()
        if self.steps == 1:
            with torch.no_grad():
                self.lane.adapter.parameters[0].fill_(math.nan)
        return ending


class Raising(Trained):
    """Its trial raises where the poisoned one is found out."""

    def asked_to_end(self):
        super().asked_to_end()
        if self.steps == 3:
            raise RuntimeError("this trial is broken")


class Stopped(Trained):
    """Ends at the same moment without any harm."""

    def __init__(self):
        super().__init__(stop_at_step=3)


@pytest.mark.parametrize("bad", [Poisoned, Raising])
def test_a_lane_that_fails_leaves_the_others_bit_for_bit(workshop, watched, bad):
    config = {"budget__steps": 6, "budget__evaluations": 1}
    others = [{"lora__rank": 8}, {"lora__target_modules": "attention"}]

    def run(first):
        good = [entry(tiny.trial(**config, **params), Trained()) for params in others]
        return run_lanes(workshop, good[0], entry(tiny.trial(**config), first), good[1])

    harmed, harmless = run(bad()), run(Stopped())
    if bad is Poisoned:
        assert harmed[1].outcome.ending is Ending.DIVERGED
        assert "step 2" in harmed[1].outcome.error
    else:
        assert "broken" in str(harmed[1].error)
    for place in (0, 2):
        assert harmed[place].outcome.ending is Ending.COMPLETE
        assert harmed[place].losses == harmless[place].losses
        assert differs(harmed[place], harmless[place]) == 0.0


def test_a_lane_that_is_used_again_gives_what_a_fresh_one_does(workshop, watched):
    trials = [entry(tiny.trial(seed=seed), Trained()) for seed in (3, 4, 3)]
    first, _, again = run_lanes(workshop, *trials, lanes=1)
    assert again.losses == first.losses
    assert differs(again, first) == 0.0


def test_nothing_grows_over_many_trials(workshop):
    config = tiny.trial(budget__steps=1, budget__evaluations=1)

    def used():
        gc.unfreeze()  # a trial's start hides earlier objects
        gc.collect()
        process = psutil.Process()
        tensors = sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())
        return tensors, threading.active_count(), process.num_fds()

    in_lanes(workshop, *[config] * 8, lanes=4)
    before = used()
    in_lanes(workshop, *[config] * 60, lanes=4)
    assert used() == before


def test_the_base_stays_as_it_was(workshop):
    before = tiny.fingerprint(workshop.lend(tiny.trial()))
    hooks = [len(m._forward_hooks) for m in workshop.lend(tiny.trial()).modules()]
    in_lanes(workshop, tiny.trial(), tiny.trial(seed=1))
    assert tiny.fingerprint(workshop.lend(tiny.trial())) == before
    assert [len(m._forward_hooks) for m in workshop.lend(tiny.trial()).modules()] == hooks


@pytest.mark.parametrize("path", ["a lane", "the trainer"])
def test_a_suspended_lane_goes_on_as_if_undisturbed(workshop, tmp_path, path):
    config = tiny.trial(lora__rank=8)
    folder = Checkpoints(tmp_path, 1e9, "1 workers, None")
    watcher = Kept(stop_at_step=3, how=Ending.SUSPENDED)
    (left, _) = run_lanes(workshop, entry(config, watcher, folder), entry(tiny.trial(seed=9)))
    assert left.outcome.ending is Ending.SUSPENDED
    (whole,) = in_lanes(workshop, config)
    if path == "a lane":
        (rest,) = run_lanes(workshop, entry(config, Kept(), folder))
        assert rest.outcome.cost.seconds > left.outcome.cost.seconds
    else:
        rest = Kept()
        workshop.train(config, rest, folder)
    assert [*left.losses, *rest.losses] == pytest.approx(whole.losses, abs=1e-6)
    assert len(rest.losses) == 1
    assert rest.seen[-1].cost.lanes == 2, "it has trained beside another"


def test_a_checkpoint_of_the_trainer_goes_on_in_a_lane(workshop, tmp_path):
    config = tiny.trial(lora__rank=8)
    folder = Checkpoints(tmp_path, 1e9, "1 workers, None")
    left, whole = tiny.Watcher(stop_at_step=3, how=Ending.SUSPENDED), tiny.Watcher()
    workshop.train(config, left, folder)
    workshop.train(config, whole)
    (rest,) = run_lanes(workshop, entry(config, Kept(), folder))
    assert [*left.losses, *rest.losses] == pytest.approx(whole.losses, abs=1e-5)


def test_dropout_depends_on_neither_company_nor_micro_batch(workshop):
    losses = [
        in_lanes(workshop, tiny.trial(lora__dropout=0.3, micro_batch_size=size), *others)[0].losses
        for size, others in ((8, ()), (2, ()), (4, (tiny.trial(seed=5), tiny.trial(seed=6))))
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    assert losses[2] == pytest.approx(losses[0], abs=1e-5)
    (without,) = in_lanes(workshop, tiny.trial())
    assert without.losses != pytest.approx(losses[0], abs=1e-4)


def test_as_many_numbers_are_dropped_as_asked_for_and_the_mean_is_kept():
    from trainables.lanes.dropout import Dropout, RowKey

    rows = [RowKey(seed, 7, 0, rate) for seed in range(8) for rate in (0.0, 0.1, 0.5)]
    dropped = Dropout(rows, 64, torch.device("cpu"))(torch.ones(24, 64, 128), "layer")
    shares = (dropped == 0).double().mean((1, 2)).view(8, 3).mean(0)
    np.testing.assert_allclose(shares, [0.0, 0.1, 0.5], atol=0.005)
    np.testing.assert_allclose(dropped.mean((1, 2)).view(8, 3).mean(0), 1.0, atol=0.02)
    kept = (dropped[2::3] != 0).double().flatten(1)
    correlation = torch.corrcoef(kept) - torch.eye(8)
    assert correlation.abs().max() < 0.05, "seeds draw alike"


def test_out_of_memory_halves_the_tokens_and_changes_no_result(workshop, monkeypatch):
    from trainables.lanes import base_pass as loop

    configs = [tiny.trial(), tiny.trial(lora__rank=8), tiny.trial(seed=3)]
    calm = in_lanes(workshop, *configs)
    sizes = []
    whole = loop.parts_of

    def small(shares, pad_id, device):
        parts = whole(shares, pad_id, device)
        sizes.append(parts.batch["input_ids"].numel())
        if sizes[-1] > 150:
            raise torch.OutOfMemoryError("too many tokens")
        return parts

    monkeypatch.setattr(loop, "parts_of", small)
    tight = in_lanes(workshop, *configs)
    assert max(sizes) > 150 and len(sizes) > 12
    for one, other in zip(tight, calm, strict=True):
        assert one.outcome.ending is Ending.COMPLETE
        assert one.losses == pytest.approx(other.losses, abs=1e-5)
        assert len(one.seen) == len(other.seen)


def test_without_room_for_a_row_lanes_are_given_back_and_the_last_is_infeasible(
    workshop, monkeypatch
):
    from trainables.lanes import base_pass as loop

    def never(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(loop, "parts_of", never)
    first, second = in_lanes(workshop, tiny.trial(), tiny.trial(seed=1))
    assert second.alone == "memory"
    assert first.outcome.ending is Ending.INFEASIBLE
    assert "micro-batch of 1" in first.outcome.error
