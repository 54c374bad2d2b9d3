"""PPO: advantages and losses against closed forms, slow loops and finite differences, and a bandit
with two states whose best policy is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from trainables.architecture.value_head import add_value_head
from trainables.config.trial import TrialConfig
from trainables.losses.advantages import explained_variance, generalised, whitened
from trainables.losses.ppo import Ppo
from trainables.losses.values import value_losses, valuing
from trainables.objectives.policy import RlConfig
from trainables.objectives.ppo import PpoConfig
from trainables.training.rollouts.credit import credit
from trainables.training.rollouts.rollout import Rollout

RL = RlConfig(beta=0.3, clip=0.15)


def answered(seed=0):
    """Rewards and values of the tokens of three answers, and where they are."""
    drawn = np.random.default_rng(seed)
    inside = np.zeros((3, 7), dtype=bool)
    for row, (first, last) in enumerate([(0, 6), (2, 5), (3, 3)]):
        inside[row, first : last + 1] = True
    rewards, values = drawn.normal(size=(2, 3, 7)) * inside
    return rewards, values, inside


@pytest.mark.parametrize(("gamma", "decay"), [(1.0, 0.95), (0.9, 0.7), (1.0, 0.0), (0.8, 1.0)])
def test_advantages_are_the_decayed_sums_of_surprises(gamma, decay):
    """The sum of equation 16 written out, token by token and answer by answer."""
    rewards, values, inside = answered()
    found = generalised(rewards, values, inside, gamma, decay)
    for row in range(3):
        places = np.flatnonzero(inside[row])
        own, expected = rewards[row, places], values[row, places]
        after = [*expected[1:], 0.0]
        surprises = [r + gamma * v - w for r, v, w in zip(own, after, expected, strict=True)]
        for at, place in enumerate(places):
            ahead = enumerate(surprises[at:])
            assert found[row, place] == pytest.approx(
                sum((gamma * decay) ** steps * each for steps, each in ahead)
            )
    assert (found[~inside] == 0).all()


def test_with_lambda_1_the_advantage_is_what_follows_minus_the_value():
    rewards, values, inside = answered()
    found = generalised(rewards, values, inside, 1.0, 1.0)
    following = rewards[:, ::-1].cumsum(1)[:, ::-1]
    assert np.allclose(found[inside], (following - values)[inside])


def test_whitened_advantages_have_mean_0_and_deviation_1():
    advantages, _, inside = answered(3)
    found = whitened(advantages, inside)
    assert found[inside].mean() == pytest.approx(0, abs=1e-12)
    assert found[inside].std() == pytest.approx(1)
    assert (found[~inside] == 0).all()
    order = np.argsort(advantages[inside])
    assert (np.diff(found[inside][order]) >= 0).all()


def test_explained_variance_is_1_for_right_values_and_0_for_a_constant():
    returns = np.array([1.0, 2.0, 4.0])
    assert explained_variance(returns + 5, returns) == pytest.approx(1)
    assert explained_variance(np.ones(3), returns) == pytest.approx(0)
    assert explained_variance(returns, np.ones(3)) == 0


def step(dtype=torch.float64):
    """A step on four answers: [answers, tokens] of policy, its past, advantages, values, ..."""
    drawn = torch.Generator().manual_seed(3)
    mask = torch.zeros(4, 6, dtype=dtype)
    for row, length in enumerate((4, 3, 2, 1)):
        mask[row, 2 : 2 + length] = 1
    past, noise, advantage, old, moved, returns = (
        each * mask for each in torch.randn(6, 4, 6, generator=drawn, dtype=dtype)
    )
    batch = {"advantage": advantage, "step_tokens": mask.sum(), "values": old, "returns": returns}
    return past - 1 * mask, past - 1 * mask + 0.3 * noise, old + 0.4 * moved, batch, mask


def test_the_losses_are_those_of_a_slow_loop():
    past, now, values, batch, mask = step()
    policy, clipped = Ppo(RL, PpoConfig()).of_answers(now, past, batch, mask)
    each = value_losses(values, batch["values"], batch["returns"], 0.2)
    expected, of_values, beyond = 0.0, 0.0, 0
    for row, at in mask.nonzero().tolist():
        a, v0, target = (float(batch[n][row, at]) for n in ("advantage", "values", "returns"))
        ratio = math.exp(now[row, at] - past[row, at])
        bounded = min(max(ratio, 1 - RL.clip), 1 + RL.clip)
        expected -= min(ratio * a, bounded * a)
        beyond += bounded != ratio and ratio * a > bounded * a
        value = float(values[row, at])
        near = v0 + min(max(value - v0, -0.2), 0.2)
        of_values += max((value - target) ** 2, (near - target) ** 2) / 2
    assert policy.item() == pytest.approx(expected / 10)
    assert each.sum().item() == pytest.approx(of_values)
    assert 0 < beyond == clipped.sum().item()


def test_gradients_of_policy_and_values_are_finite_differences():
    past, now, values, batch, mask = step()
    loss = Ppo(RL, PpoConfig())

    def both(policy, value):
        own = value_losses(value, batch["values"], batch["returns"], 0.2)
        return loss.of_answers(policy, past, batch, mask)[0] + own.sum()

    assert torch.autograd.gradcheck(both, (now.requires_grad_(), values.requires_grad_()))


def test_a_value_far_from_its_old_one_has_no_gradient_towards_the_return():
    values = torch.tensor([0.5, 0.5, -0.5, 0.1], requires_grad=True)
    returns = torch.tensor([1.0, -1.0, -1.0, 1.0])
    value_losses(values, torch.zeros(4), returns, 0.2).sum().backward()
    assert values.grad.tolist() == pytest.approx([0.0, 1.5, 0.0, -0.9])
    values.grad = None
    value_losses(values, torch.zeros(4), returns, None).sum().backward()
    assert values.grad.tolist() == pytest.approx((values - returns).tolist())


class Table(PreTrainedModel):
    """A language model of states without memory: the next word depends on the last one alone."""

    config_class = PretrainedConfig

    def __init__(self, states: int, words: int) -> None:
        super().__init__(PretrainedConfig(hidden_size=states, vocab_size=words))
        self.states = torch.nn.Embedding.from_pretrained(torch.eye(states))
        self.words = torch.nn.Linear(states, words, bias=False)
        torch.nn.init.zeros_(self.words.weight)

    def get_output_embeddings(self):
        return self.words

    def forward(self, input_ids, attention_mask=None):
        return CausalLMOutput(logits=self.words(self.states(input_ids)))


def table(states=5, words=5, dtype=torch.float32) -> Table:
    model = Table(states, words).to(dtype)
    add_value_head(model, model, one_dtype=True)
    return model


@pytest.mark.parametrize("trains", ["head", "model"])
def test_the_loss_of_a_model_has_the_gradients_of_finite_differences(trains):
    """By the value head's weights, the words' and the states'; the latter two by the values only
    if these train the model."""
    model, drawn = table(dtype=torch.float64), torch.Generator().manual_seed(1)
    for weight in model.parameters():
        weight.requires_grad_(True)
        weight.data += 0.3 * torch.randn(weight.shape, generator=drawn, dtype=torch.float64)
    rollout = Rollout.of(0, [[1, 2], [3]], [[4, 0], [2]], [[-1.0, -1.4], [-0.7]])
    rollout.advantages = np.array([[0, 1.3, -0.4], [-0.8, 0, 0]], np.float32)
    rollout.values, rollout.returns = np.zeros((2, 2, 3), np.float32)
    rollout.old = rollout.sampled
    rollout.returns[:] = [[0, 1.0, 2.0], [-1.0, 0, 0]]
    batch = rollout.batch(np.arange(2), 0, old=True)
    own = {"value_trains": trains, "value_clip": None}
    loss, policy = (
        Ppo(RlConfig(clip=0.9), PpoConfig(**{**own, "value_weight": weight}))
        for weight in (0.5, 0.0)
    )
    loss.loss(model, batch, None).backward()
    for name, place in (
        ("value_head.weight", (0, 2)),
        ("words.weight", (4, 1)),
        ("states.weight", (2, 3)),
    ):
        reaches = name.startswith("value") or trains == "model"
        weight, values, far = model.get_parameter(name), [], 3e-3
        for sign in (far, -2 * far):
            weight.data[place] += sign
            values.append((loss if reaches else policy).loss(model, batch, None).item())
        weight.data[place] += far
        # Log-probabilities are computed in float32.
        slope = (values[0] - values[1]) / (2 * far)
        assert weight.grad[place].item() == pytest.approx(slope, abs=1e-4), name


def test_values_are_those_of_the_states_before_the_tokens():
    model = table()
    model.value_head.weight.data = torch.tensor([[10.0, 11.0, 12.0, 13.0, 14.0]])
    model.value_head.start = 0.5
    batch = Rollout.of(0, [[1, 2], [3]], [[4, 0], [2]], [[-1.0, -1.0], [-1.0]]).batch(
        np.arange(2), 0
    )
    with valuing(model, batch) as values:
        model(batch["input_ids"])
    assert values[0].tolist() == [[0.0, 12.5, 14.5], [13.5, 0.0, 0.0]]


BETA, REWARDS = 0.5, np.array([[1.0, 0.0, 0.2], [-0.3, 0.8, 0.8]])
"""Of three answers in each of two states."""


def played(model: Table, drawn: np.random.Generator) -> tuple[Rollout, np.ndarray]:
    """64 answers to each state, drawn from the policy, and their rewards."""
    states = np.repeat([0, 1], 64)
    with torch.no_grad():
        logs = model(torch.tensor([0, 1])).logits.log_softmax(-1).numpy()
        values = model.value_head(torch.eye(5)[states]).numpy()
    odds = [np.exp(logs[state, 2:].astype(np.float64)) for state in (0, 1)]
    words = [drawn.choice([2, 3, 4], p=odds[state] / odds[state].sum()) for state in states]
    rollout = Rollout.of(
        0,
        [[int(state)] for state in states],
        [[int(word)] for word in words],
        [[logs[state, word]] for state, word in zip(states, words, strict=True)],
    )
    rollout.reference = np.full_like(rollout.sampled, -math.log(3))
    rollout.old, rollout.values = rollout.sampled, values[:, None]
    return rollout, REWARDS[states, np.array(words) - 2]


def bandit(whiten: bool, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """Policy and values after PPO on rollouts from the two states."""
    model, drawn, rollouts = table(), np.random.default_rng(0), 90
    config = TrialConfig(
        model="none",
        objective="ppo",
        data={"train": "none"},
        rl={"rewards": {"eval_ended": 1}, "beta": BETA, "group_size": 1},
        ppo={"whiten": whiten, "value_clip": None},
    )
    model.words.weight.data[:2] = -1000.0  # the words that name states are no answers
    loss = Ppo(config.settings(RlConfig), config.settings(PpoConfig))
    made = torch.optim.Adam([model.words.weight, *model.value_head.parameters()], 0.08)
    falling = torch.optim.lr_scheduler.LinearLR(made, 1.0, 0.02, rollouts * epochs)
    for _ in range(rollouts):
        rollout, rewards = played(model, drawn)
        credit(rollout, rewards, config)
        batch = rollout.batch(np.arange(len(rollout)), 0, old=True)
        for _ in range(epochs):
            made.zero_grad()
            loss.loss(model, batch, None).backward()
            made.step()
            falling.step()
    policy = model.words.weight.detach().T[:2, 2:].softmax(-1).numpy()
    return policy, model.value_head(torch.eye(5)[:2]).detach().numpy()


@pytest.mark.parametrize(("whiten", "epochs"), [(True, 1), (False, 3)])
def test_a_bandit_with_two_states_finds_the_best_policy(whiten, epochs):
    """The best trade of reward and divergence is the base times exp(reward / beta), normalised, and
    its value beta times the logarithm of the norm (Rafailov et al. 2023, arXiv:2305.18290, equation
    4)."""
    policy, values = bandit(whiten, epochs)
    weights = np.exp(REWARDS / BETA) / 3
    assert policy == pytest.approx(weights / weights.sum(1, keepdims=True), abs=0.04)
    assert values == pytest.approx(BETA * np.log(weights.sum(1)), abs=0.05)
