"""ORPO and SimPO: their numbers against TRL, closed forms and finite differences."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from trainables.losses.unreferenced import Orpo, Simpo
from trainables.objectives.orpo import OrpoConfig
from trainables.objectives.simpo import SimpoConfig

# TRL keeps both in a package of its own, which says so.
pytestmark = pytest.mark.filterwarnings("ignore:You are importing from .trl.experimental")

LOSSES = [Orpo(OrpoConfig(beta=0.3)), Simpo(SimpoConfig(beta=2.5, gamma=0.8))]


def pairs(count=64, dtype=torch.float64):
    """Mean log-probabilities of chosen and rejected, from likely to nearly impossible."""
    drawn = torch.Generator().manual_seed(5)
    return [-torch.rand(count, generator=drawn, dtype=dtype) * 8 - 1e-3 for _ in range(2)]


def test_orpos_odds_are_trls():
    from trl.experimental.orpo import ORPOTrainer

    chosen, rejected = pairs(dtype=torch.float32)
    trainer = SimpleNamespace(beta=0.3, accelerator=SimpleNamespace(device="cpu"))
    theirs, *_ = ORPOTrainer.odds_ratio_loss(trainer, chosen, rejected)
    # TRL's is the term that its loss takes off the mean loss of the chosen answers.
    assert torch.allclose(LOSSES[0].of_pairs(chosen, rejected), -chosen - theirs, atol=1e-5)


def test_simpo_is_trls():
    from trl.experimental.cpo import CPOTrainer

    chosen, rejected = pairs(dtype=torch.float32)
    trainer = SimpleNamespace(
        beta=2.5,
        simpo_gamma=0.8,
        alpha=0.0,
        label_smoothing=0.0,
        loss_type="simpo",
        accelerator=SimpleNamespace(device="cpu"),
    )
    theirs, *_ = CPOTrainer.cpo_loss(trainer, chosen, rejected)
    assert torch.allclose(LOSSES[1].of_pairs(chosen, rejected), theirs, atol=1e-5)


def test_mean_log_probabilities_are_trls():
    from trl.experimental.cpo import CPOTrainer

    drawn = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 9, 11, generator=drawn)
    labels = torch.randint(0, 11, (6, 9), generator=drawn)
    labels[:, :3] = -100
    labels[2, 6:] = -100
    theirs = CPOTrainer.get_batch_logps(logits, labels, average_log_prob=True)
    model = lambda **inputs: SimpleNamespace(logits=logits)  # noqa: E731
    batch = {"labels": labels, "input_ids": labels, "attention_mask": torch.ones_like(labels)}
    ours = LOSSES[0].rows(model, batch)
    assert torch.allclose(ours, theirs.view(2, 3).T, atol=1e-6)


def test_orpo_by_hand():
    """Odds of 3 against 1: log 3 apart."""
    chosen, rejected = torch.tensor([math.log(0.75)]), torch.tensor([math.log(0.5)])
    expected = -math.log(0.75) - 0.3 * math.log(3 / 4)
    assert LOSSES[0].of_pairs(chosen, rejected).item() == pytest.approx(expected, rel=1e-6)


def test_simpo_by_hand():
    """Equal answers: only the margin is left."""
    same = torch.tensor([-1.2])
    expected = math.log(1 + math.exp(0.8))
    assert LOSSES[1].of_pairs(same, same).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.objective)
def test_gradients_are_finite_differences(loss):
    chosen, rejected = (each.requires_grad_() for each in pairs(8))
    assert torch.autograd.gradcheck(loss.of_pairs, (chosen, rejected), atol=1e-7)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.objective)
def test_certainty_and_impossibility_give_finite_losses_and_gradients(loss):
    extremes = torch.tensor([0.0, -1e-9, -1e-4, -0.7, -50.0, -1e4])
    chosen, rejected = (
        each.flatten() for each in torch.meshgrid(extremes, extremes, indexing="ij")
    )
    leaves = [chosen.clone().requires_grad_(), rejected.clone().requires_grad_()]
    losses = loss.of_pairs(*leaves)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert all(each.grad.isfinite().all() for each in leaves)
