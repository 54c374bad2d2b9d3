"""Answers to the prompts of a measured set, with their rewards and their distance from the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.config.trial import TrialConfig
from trainables.data.tokens.prompts import Prompt
from trainables.losses.batch import Batch
from trainables.losses.forward import evaluating
from trainables.losses.head import unwrapped
from trainables.metrics.written import Scored, Written
from trainables.objectives.policy import KL, RlConfig
from trainables.training.base import autocast
from trainables.training.references import References
from trainables.training.rollouts.divergence import distributions, divergences, rows_at_once
from trainables.training.rollouts.rewards import with_reward
from trainables.training.rollouts.rollout import Rollout

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


class Judge:
    """Judges the answers of a slot's models."""

    def __init__(self, workshop: Workshop, references: References) -> None:
        self._workshop = workshop
        self._references = references

    def judged(
        self,
        config: TrialConfig,
        model: torch.nn.Module,
        asked: Mapping[int, Prompt],
        written: Written,
    ) -> Written:
        """The answers with `eval_reward` and `eval_kl` (of an answer, its mean over the tokens)
        among their metrics. All ranks call it."""
        rewarded = with_reward(written, config.settings(RlConfig).rewards)
        answers = Rollout.of(
            0,
            [asked[each.prompt].tokens.tolist() for each in written.answers],
            [each.ids for each in written.answers],
            [[0.0] * each.tokens for each in written.answers],
        )
        with self._workshop.progress.phase("comparing with the base"), evaluating(model):
            each = self._divergences(config, model, answers) / answers.answer_tokens
        own = {**rewarded.own, KL: Scored(float(each.mean()), each.tolist())}
        return replace(rewarded, own=own)

    def _divergences(
        self, config: TrialConfig, model: torch.nn.Module, answers: Rollout
    ) -> NDArray[np.float64]:
        tokens, device = self._workshop.tokens, self._workshop.device

        def policy(batch: Batch) -> torch.Tensor:
            with autocast(config, device):
                return distributions(tokens, model, batch)

        def base(batch: Batch) -> torch.Tensor:
            with self._references.base_of(config, model) as untouched:
                return distributions(tokens, untouched, batch)

        most = config.evaluation.batch_size or config.micro_batch_size
        words = int(unwrapped(model).config.get_text_config().vocab_size)
        size = rows_at_once(answers, most, words)
        return divergences(answers, policy, base, self._workshop.pad_id, size, device)
