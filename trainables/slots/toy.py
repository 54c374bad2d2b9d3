"""A closed-form trial with the same contract as a real one: fast, and failing on demand.

For examples, tests and checks of the search itself, where the optimum must be known.
"""

from __future__ import annotations

import math
import random
import time

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Cost, Ending, Evaluation, Monitor, Outcome
from trainables.core.progress import NO_PROGRESS, STEP, Gauge, Progress
from trainables.methods.lora import LoraConfig
from trainables.metrics.formula import with_formulas
from trainables.objectives.toy import ToyConfig

FLOOR = 1.0
"""The loss at the optimum of the landscape, at the end of the budget."""

BASE_LOSS = 4.0
"""The loss of the untouched toy model."""

_STEPS_PER_POINT = 10
_TOKENS_PER_SEQUENCE = 100


def final_loss(config: TrialConfig) -> float:
    """The loss at the end of the budget.

    FLOOR + 0.5 (log10(learning_rate / optimum))^2 + 0.02 (log2(rank / optimum))^2, plus 0.05 for
    every schedule but cosine: a long valley in the learning rate, a flat one in the rank. Noise of
    the seed is added if asked for.
    """
    toy = config.settings(ToyConfig)
    rate = math.log10(config.learning_rate / toy.learning_rate)
    rank = math.log2(config.settings(LoraConfig).rank / toy.rank)
    schedule = 0.0 if config.schedule == "cosine" else 0.05
    return FLOOR + 0.5 * rate**2 + 0.02 * rank**2 + schedule + noise(config)


def noise(config: TrialConfig) -> float:
    """The seed's share of the loss: normal, with the standard deviation toy.noise, and another for
    other settings."""
    spread = config.settings(ToyConfig).noise
    if not spread:
        return 0.0
    drawn = random.Random(f"{config.seed}/{config.learning_rate!r}/{config.schedule}")
    return spread * drawn.gauss(0.0, 1.0)


def loss_at(config: TrialConfig, progress: float) -> float:
    """The loss after `progress` (0 .. 1) of the budget: an exponential fall from BASE_LOSS."""
    left = (math.exp(-3.0 * progress) - math.exp(-3.0)) / (1.0 - math.exp(-3.0))
    end = final_loss(config)
    return end + (BASE_LOSS - end) * left


def final_cost(config: TrialConfig) -> float:
    """The cost of the loss at the end of the budget; less is better.

    log2(1 + learning_rate / optimum) + 0.1 log2(rank): the loss favours larger values of both, up
    to its optimum. So no trial is best in both.
    """
    rate = config.learning_rate / config.settings(ToyConfig).learning_rate
    return math.log2(1.0 + rate) + 0.1 * math.log2(config.settings(LoraConfig).rank)


def metrics_at(config: TrialConfig, progress: float) -> dict[str, float]:
    """The metrics after `progress` (0 .. 1) of the budget: the loss falls, the cost grows."""
    loss, cost = loss_at(config, progress), progress * final_cost(config)
    return with_formulas({"eval_loss": loss, "eval_cost": cost}, config.evaluation.formulas)


def tokens_of(config: TrialConfig) -> int:
    """The tokens of a whole trial."""
    steps = config.budget.evaluations * _STEPS_PER_POINT
    return steps * config.batch_size * _TOKENS_PER_SEQUENCE


def measure_base(config: TrialConfig) -> Evaluation:
    """The evaluation of the untouched toy model."""
    base = {"eval_loss": BASE_LOSS, "eval_cost": 0.0}
    return Evaluation(0, 0, with_formulas(base, config.evaluation.formulas))


def train(config: TrialConfig, monitor: Monitor, progress: Progress = NO_PROGRESS) -> Outcome:
    """Run one toy trial, reporting at each evaluation point."""
    with progress.phase("training", config.budget.evaluations * _STEPS_PER_POINT, STEP) as gauge:
        return _train(config, monitor, gauge)


def _train(config: TrialConfig, monitor: Monitor, gauge: Gauge) -> Outcome:
    began = time.monotonic()
    cost = Cost()
    for point in range(1, config.budget.evaluations + 1):
        time.sleep(config.settings(ToyConfig).seconds)
        if asked := monitor.asked_to_end():
            return Outcome(asked, cost)
        steps = point * _STEPS_PER_POINT
        gauge.set(steps)
        cost = Cost(
            seconds=time.monotonic() - began,
            tokens=steps * config.batch_size * _TOKENS_PER_SEQUENCE,
            trainable_parameters=config.settings(LoraConfig).rank,
            total_parameters=config.settings(LoraConfig).rank,
        )
        progress = point / config.budget.evaluations
        if progress >= 0.5:
            _misbehave(config, steps)
            if _above(config.learning_rate, config.settings(ToyConfig).diverge_above):
                return Outcome(Ending.DIVERGED, cost, f"the loss is not finite at step {steps}")
        metrics = metrics_at(config, progress)
        verdict = monitor.evaluated(Evaluation(point, steps, metrics, cost))
        if not verdict.go_on and point < config.budget.evaluations:
            return Outcome(Ending.STOPPED, cost)
    return Outcome(Ending.COMPLETE, cost)


def _misbehave(config: TrialConfig, step: int) -> None:
    if _above(config.learning_rate, config.settings(ToyConfig).hang_above):
        time.sleep(1e9)
    if _above(config.learning_rate, config.settings(ToyConfig).crash_above):
        raise RuntimeError(
            f"the toy trial crashes at step {step}: learning_rate {config.learning_rate:g} is "
            f"above toy.crash_above {config.settings(ToyConfig).crash_above:g}"
        )


def _above(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit
