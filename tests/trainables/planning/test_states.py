"""Weights, gradients and optimizer states in closed form, against papers and real optimizers."""

from __future__ import annotations

import math

import pytest
import torch

from trainables.config.trial import TrialConfig
from trainables.planning.inventory import Inventory, Weight, packed_bytes
from trainables.planning.states import states_of

GB = 1e9


def config(**changes):
    tree = {"model": "unused", "objective": "toy", "precision": "bf16", "method": "full"}
    return TrialConfig.model_validate({**tree, **changes})


def whole(elements, width=2):
    return Inventory(frozen=(), packed=(), packed_bytes=0, trained=(Weight((elements,), width),))


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_the_zero_papers_example(stage, gigabytes):
    """Rajbhandari et al. 2020, figure 1: 7.5B parameters, mixed-precision Adam, 64 ranks."""
    states = states_of(whole(7_500_000_000), config(deepspeed={"zero_stage": stage}), 64)
    held = states.weights + states.gradients + states.masters + states.optimizer
    assert held / GB == pytest.approx(gigabytes, rel=0.02)


def test_sixteen_bytes_a_parameter():
    """Of mixed-precision Adam, as the rule of thumb has it: 2 + 2 + 4 + 8."""
    states = states_of(whole(1000), config(deepspeed={"zero_stage": 0}), 1)
    assert states.weights + states.gradients + states.masters + states.optimizer == 16_000


def test_four_bits_with_double_quantisation_cost_half_a_byte_and_a_little():
    """Dettmers et al. 2023, section 3: constants cost 0.5 bits a parameter, or 0.127 with double
    quantisation."""
    elements = 2**24
    assert 8 * packed_bytes(elements, double=False) / elements == pytest.approx(4.5, abs=1e-3)
    assert 8 * packed_bytes(elements, double=True) / elements == pytest.approx(4.127, abs=2e-3)


def test_seven_billion_parameters_in_four_bits_take_less_than_four_gigabytes():
    linear, others = 6_476_005_376, 262_410_240  # Llama 2 7B: embeddings, head and norms apart
    total = packed_bytes(linear, double=True) + 2 * others
    assert 3.5 < total / GB < 4


def test_thirty_three_billion_fit_into_24_gigabytes_by_qlora():
    """Dettmers et al. 2023: a 33B model on one GPU of 24 GB."""
    linear, others = 32_092_717_056, 436_000_000
    assert (packed_bytes(linear, double=True) + 2 * others) / 2**30 < 22


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "adafactor", "lamb"])
def test_an_optimizers_state_is_what_it_allocates(name):
    from trainables.training.optimizers import optimizer

    shapes = [(64, 96), (96,), (3, 40, 20)]
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    trial = config(optimizer={"name": name}, precision="fp32")
    kind, settings = optimizer(trial)
    made = kind(weights, **settings)
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    made.step()
    states = [each for state in made.state.values() for each in state.values()]
    tensors = [each for each in states if isinstance(each, torch.Tensor) and each.numel() > 1]
    allocated = sum(each.numel() * each.element_size() for each in tensors)
    inventory = Inventory((), (), 0, tuple(Weight(shape, 4) for shape in shapes))
    assert states_of(inventory, trial, 1).optimizer == allocated


def test_offload_moves_the_optimizer_to_the_host():
    engine = {"zero_stage": 2, "offload_optimizer": "cpu"}
    states = states_of(whole(1_000_000), config(deepspeed=engine), 4)
    assert (states.optimizer, states.masters) == (0, 0)
    # Masters, two moments and gradients in fp32 of a quarter, beside the slot's own copy.
    assert states.host == 16 * 250_000 + 2_000_000


def test_ranks_share_what_their_stage_shares():
    inventory = whole(math.prod((100, 100)))
    alone = states_of(inventory, config(deepspeed={"zero_stage": 3}), 1)
    four = states_of(inventory, config(deepspeed={"zero_stage": 3}), 4)
    for part in ("weights", "gradients", "masters", "optimizer"):
        assert getattr(four, part) == getattr(alone, part) / 4
