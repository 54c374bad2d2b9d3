"""GRPO and RLOO: their numbers against TRL, exact KL divergences, hands and finite differences."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from trainables.losses.advantages import group_relative, leave_one_out, without_difference
from trainables.losses.policy import Grpo, Rloo, kl_estimate
from trainables.objectives.grpo import GrpoConfig
from trainables.objectives.policy import RlConfig

WIDTH, PROMPT = 9, 3
RL = RlConfig(beta=0.3, clip=0.15)


def answers(dtype=torch.float32):
    """Log-probabilities of six answers of unlike lengths under policy, its past and the base."""
    drawn = torch.Generator().manual_seed(3)
    mask = torch.zeros(6, WIDTH - 1, dtype=dtype)
    for row, length in enumerate((6, 5, 4, 3, 2, 1)):
        mask[row, PROMPT - 1 : PROMPT - 1 + length] = 1
    base = -torch.rand(mask.shape, generator=drawn, dtype=dtype) * 3
    past = base + 0.4 * torch.randn(mask.shape, generator=drawn, dtype=dtype)
    now = past + 0.3 * torch.randn(mask.shape, generator=drawn, dtype=dtype)
    advantage = torch.randn(6, generator=drawn, dtype=dtype)
    return [each * mask for each in (now, past, base)], mask, advantage


def batch_of(past, base, mask, advantage, parts=1):
    return {
        "advantage": advantage,
        "reference": base,
        "old": past,
        "step_tokens": mask.sum() / parts,
    }


def trls(trainer, now, past, base, mask, advantage, **settings):
    """The loss of TRL's trainer, from the log-probabilities."""
    ids = torch.zeros(len(now), WIDTH, dtype=torch.long)
    completion = slice(PROMPT, WIDTH)
    after = slice(PROMPT - 1, WIDTH - 1)
    inputs = {
        "prompt_ids": ids[:, :PROMPT],
        "prompt_mask": ids[:, :PROMPT] + 1,
        "completion_ids": ids[:, completion],
        "completion_mask": mask[:, after].long(),
        "advantages": advantage,
        "old_per_token_logps": past[:, after],
        "ref_per_token_logps": base[:, after],
        "old_logps": past.sum(1),
        "num_items_in_batch": mask.sum(),
    }
    its = {
        "_get_per_token_logps_and_entropies": lambda *_, **__: (now[:, after], now[:, after], None),
        "aux_loss_enabled": False,
        "top_entropy_quantile": 1.0,
        "off_policy_mask_threshold": None,
        "importance_sampling_level": "token",
        "beta": RL.beta,
        "epsilon_low": RL.clip,
        "epsilon_high": RL.clip,
        "use_vllm": False,
        "_entropy_bonus_enabled": False,
        "model": SimpleNamespace(training=True),
        "current_gradient_accumulation_steps": 1,
        "_metrics": {"train": Lists()},
        "accelerator": SimpleNamespace(
            num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x
        ),
        "args": SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=1),
    }
    return trainer._compute_loss(SimpleNamespace(**{**its, **settings}), None, inputs)


class Lists(dict):
    def __missing__(self, name):
        return self.setdefault(name, [])


@pytest.mark.parametrize(("mean", "theirs"), [("answers", "grpo"), ("tokens", "dapo")])
@pytest.mark.parametrize("high", [None, 0.28])
def test_grpo_is_trls(mean, theirs, high):
    from trl import GRPOTrainer

    (now, past, base), mask, advantage = answers()
    loss = Grpo(RL, GrpoConfig(mean=mean, clip_high=high))
    ours, _ = loss.of_answers(now, past, batch_of(past, base, mask, advantage), mask)
    settings = {"loss_type": theirs, "epsilon_high": high or RL.clip}
    expected = trls(GRPOTrainer, now, past, base, mask, advantage, **settings)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("beta", [30.0, 100.0, 300.0])
def test_the_penalty_holds_the_policy_where_theory_says(beta):
    """The best policy is base x exp(A / beta): with advantages of variance 1 its divergence from
    the base is 1 / (2 beta^2), once the rate has decayed and with it the optimizer's own noise."""
    drawn = torch.Generator().manual_seed(0)
    base = torch.randn(16, generator=drawn)
    weights = base.clone().requires_grad_()
    loss = Grpo(RlConfig(beta=beta), GrpoConfig())
    adam, steps = torch.optim.Adam([weights]), 300
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.005 * (1 + np.cos(np.pi * step / steps))
        with torch.no_grad():
            words = torch.multinomial(weights.softmax(0), 128, True, generator=drawn)
        rewards = (words == 0).double().numpy()[None]
        now = weights.log_softmax(0)[words][:, None]
        past, its = now.detach(), base.log_softmax(0)[words][:, None]
        mask = torch.ones_like(past)
        advantage = torch.from_numpy(group_relative(rewards, True)[0]).float()
        adam.zero_grad()
        loss.of_answers(now, past, batch_of(past, its, mask, advantage), mask)[0].backward()
        adam.step()
    now = weights.detach().log_softmax(0)
    distance = float((now.exp() * (now - base.log_softmax(0))).sum())
    assert 0.5 < distance * 2 * beta**2 < 2


def test_rloo_is_trls():
    from trl import RLOOTrainer

    (now, past, base), mask, advantage = answers()
    ours, _ = Rloo(RL).of_answers(now, past, batch_of(past, base, mask, advantage), mask)
    expected = trls(RLOOTrainer, now, past, base, mask, advantage)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(
    "loss", [Grpo(RL, GrpoConfig(mean=mean)) for mean in ("answers", "tokens")] + [Rloo(RL)]
)
def test_policy_gradients_are_finite_differences(loss):
    (now, past, base), mask, advantage = answers(torch.float64)
    batch = batch_of(past, base, mask, advantage)
    now.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda policy: loss.of_answers(policy, past, batch, mask)[0], (now,), atol=1e-7
    )


@pytest.mark.parametrize(
    "loss", [Grpo(RL, GrpoConfig(mean=mean)) for mean in ("answers", "tokens")] + [Rloo(RL)]
)
def test_the_loss_of_a_step_does_not_depend_on_its_micro_batches(loss):
    (now, past, base), mask, advantage = answers()
    whole, _ = loss.of_answers(now, past, batch_of(past, base, mask, advantage), mask)
    parts = []
    for rows in (slice(0, 2), slice(2, 4), slice(4, 6)):
        batch = batch_of(past[rows], base[rows], mask[rows], advantage[rows])
        batch["step_tokens"] = mask.sum() / 3
        parts.append(loss.of_answers(now[rows], past[rows], batch, mask[rows])[0])
    assert (sum(parts) / 3).item() == pytest.approx(whole.item(), rel=1e-5)


def test_at_the_first_pass_the_gradient_is_that_of_reinforce():
    """Ratio 1: the advantage times the gradient of the log-probability."""
    (now, _, _), mask, advantage = answers()
    now.requires_grad_()
    batch = {"advantage": advantage, "step_tokens": mask.sum()}
    loss, clipped = Grpo(RL, GrpoConfig()).of_answers(now, now.detach(), batch, mask)
    loss.backward()
    assert torch.allclose(now.grad, -advantage[:, None] * mask / mask.sum())
    assert not clipped.any()


def test_a_clipped_token_has_no_gradient_and_is_counted():
    now = torch.tensor([[0.5, -0.5, 0.5, -0.5]], requires_grad=True)
    mask = torch.ones(1, 4)
    for sign, expected in ((1.0, [1.0, 0.0, 1.0, 0.0]), (-1.0, [0.0, 1.0, 0.0, 1.0])):
        batch = {"advantage": torch.tensor([sign]), "step_tokens": mask.sum()}
        now.grad = None
        loss, clipped = Grpo(RL, GrpoConfig()).of_answers(now, torch.zeros(1, 4), batch, mask)
        loss.backward()
        assert clipped.tolist() == [expected]
        assert (now.grad == 0).float().tolist() == [expected]


def test_the_estimate_of_kl_is_unbiased_and_never_negative():
    """Its expectation over all words of a small vocabulary is the divergence itself."""
    drawn = torch.Generator().manual_seed(0)
    policy, base = torch.randn(2, 50, 11, generator=drawn, dtype=torch.float64).log_softmax(-1)
    each = kl_estimate(policy, base)
    exact = (policy.exp() * (policy - base)).sum(-1)
    assert torch.allclose((policy.exp() * each).sum(-1), exact, atol=1e-12)
    assert (each >= 0).all()


def test_the_exact_kl_is_torchs():
    from trainables.training.rollouts.divergence import exact_kl

    drawn = torch.Generator().manual_seed(0)
    policy, base = torch.randn(2, 50, 11, generator=drawn, dtype=torch.float64).log_softmax(-1)
    expected = torch.nn.functional.kl_div(base, policy, reduction="none", log_target=True).sum(-1)
    assert torch.allclose(exact_kl(policy.T, base.T), expected)


def test_advantages_by_hand():
    rewards = np.array([[1.0, 0.0, 0.0, 1.0], [2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 4.0]])
    deviation = np.sqrt(1 / 3)
    scaled = group_relative(rewards, scaled=True)
    assert scaled[0] == pytest.approx(
        [0.5 / deviation, -0.5 / deviation] * 1 + [-0.5 / deviation, 0.5 / deviation], rel=1e-3
    )
    assert scaled[1].tolist() == [0, 0, 0, 0]
    assert group_relative(rewards, scaled=False)[2].tolist() == [-1, -1, -1, 3]
    assert leave_one_out(rewards)[0] == pytest.approx([2 / 3, -2 / 3, -2 / 3, 2 / 3])
    assert leave_one_out(rewards)[2] == pytest.approx([-4 / 3, -4 / 3, -4 / 3, 4])
    assert without_difference(rewards).tolist() == [False, True, False]


def test_log_probabilities_and_entropies_of_a_model_with_whole_and_with_target_logits():
    """At a temperature; 0 beside the answers."""
    from trainables.losses.tokens import WHOLE_LOGITS

    drawn = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 5, 7, generator=drawn)
    labels = torch.tensor([[-100, -100, 3, 4, 6], [-100, 2, -100, -100, -100]])
    batch = {
        "labels": labels,
        "input_ids": labels.clamp(min=0),
        "targets": np.flatnonzero(labels[:, 1:].numpy() != -100),
    }
    found = WHOLE_LOGITS.of_policy(lambda **_: SimpleNamespace(logits=logits), batch, 2.0)
    every = (logits / 2).log_softmax(-1)
    assert found[0, 0, 1].item() == pytest.approx(every[0, 1, 3].item())
    assert found[0, 1, 0].item() == pytest.approx(every[1, 0, 2].item())
    entropy = torch.distributions.Categorical(logits=logits[0, 3] / 2).entropy()
    assert found[1, 0, 3].item() == pytest.approx(entropy.item(), rel=1e-5)
    assert found[:, labels[:, 1:] == -100].abs().sum() == 0
