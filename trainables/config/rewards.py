"""The rewards of reinforcement learning: metrics of answers with weights."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.config.evaluation import EvaluationConfig
from trainables.config.judge import JudgeMetric
from trainables.config.known_metrics import way_out
from trainables.config.own_metrics import OwnMetric, own_modes
from trainables.metrics.registry import GENERATED
from trainables.objectives.policy import HELD_OUT, REWARD_MODEL, RlConfig

WATCHED = ("eval_answer_tokens", "eval_ended")
"""Measured beside all rewards: answers that grow or are cut are what goes wrong first."""

FIELDS = {REWARD_MODEL: "rl.reward_model", HELD_OUT: "rl.held_out"}
"""The fields that name reward models, by their metrics."""

_NOT_REPEATABLE = "eval_answer_seconds"


def of_models(settings: RlConfig) -> dict[str, str]:
    """The metrics that reward models give, each with its model."""
    found = {REWARD_MODEL: settings.reward_model}
    if settings.held_out_metric == HELD_OUT:
        found[HELD_OUT] = settings.held_out
    return {metric: model for metric, model in found.items() if model is not None}


def check_rewards(objective: str, settings: RlConfig, metrics: Mapping[str, OwnMetric]) -> None:
    """ValueError for missing rewards, and for a reward that is not a metric of one answer."""
    if not settings.rewards:
        raise ValueError(
            f"rl.rewards is missing: objective {objective} learns from rewards; name metrics of "
            "answers with their weights, such as rl: {rewards: {eval_exact_match: 1}}, or set "
            "rl.reward_model"
        )
    if settings.reward_model is None and settings.reward_model_precision is not None:
        raise ValueError(
            "rl.reward_model_precision belongs to rl.reward_model, which is not set; set that, or "
            "leave it out"
        )
    for name in settings.rewards:
        _check_reward(name, settings, metrics)
    if settings.held_out is not None and settings.held_out == settings.reward_model:
        raise ValueError(
            f"rl.held_out: {settings.held_out} is rl.reward_model, which it is to judge; name "
            "another model or a metric, or leave it out"
        )
    judge, known = settings.held_out_metric, (*GENERATED, *own_modes(metrics))
    if judge is not None and judge not in (HELD_OUT, *known):
        raise ValueError(
            f"rl.held_out: {judge!r} is not a metric of generated answers; {way_out(judge, known)}"
        )


def _check_reward(name: str, settings: RlConfig, metrics: Mapping[str, OwnMetric]) -> None:
    if name == _NOT_REPEATABLE:
        raise ValueError(
            f"rl.rewards: {name} differs from run to run; reward eval_answer_tokens instead, "
            "with a weight below 0"
        )
    compared = [n for n, m in metrics.items() if isinstance(m, JudgeMetric) and m.compares]
    if name in own_modes({n: metrics[n] for n in compared}):
        raise ValueError(
            f"rl.rewards: {name} compares answers with the base's to validation prompts, and "
            "rewards are for training prompts; reward a judge with ask: score"
        )
    if name in (HELD_OUT, settings.held_out_metric):
        raise ValueError(
            f"rl.held_out: {name} is a part of the reward, in rl.rewards, so it cannot judge it; "
            "hold out another metric, or leave it out of rl.rewards"
        )
    if name == REWARD_MODEL and settings.reward_model is None:
        raise ValueError(
            f"rl.rewards: {name} is the score of a reward model; set rl.reward_model to "
            "sweep:NAME, a folder or a hub id"
        )
    known = (*GENERATED, *own_modes(metrics), *of_models(settings))
    if name not in known:
        raise ValueError(
            f"rl.rewards: {name!r} is not a metric of generated answers; {way_out(name, known)}"
        )


def rewarded(evaluation: EvaluationConfig, settings: RlConfig) -> EvaluationConfig:
    """The evaluation with the rewards' metrics; answers are written each time, unless said."""
    judges = filter(None, [settings.held_out_metric])
    metrics = tuple(dict.fromkeys((*evaluation.metrics, *settings.rewards, *WATCHED, *judges)))
    at = evaluation.generate_at or "every"
    if metrics == evaluation.metrics and at == evaluation.generate_at:
        return evaluation
    return evaluation.model_copy(update={"metrics": metrics, "generate_at": at})
