"""The answers of a workshop's models, with their values; and the base's, to compare others with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainables.config.trial import TrialConfig
from trainables.data.tokens.prompts import Asked, Prompts
from trainables.methods.none import NONE
from trainables.metrics.written import Written
from trainables.training.generation.writer import AnswerWriter, seed_of
from trainables.training.measuring.general import held
from trainables.training.references import References
from trainables.training.rollouts.judging import Judge
from trainables.training.scoring.judge import compares_with_base
from trainables.training.scoring.own import Scoring, with_own_scores

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


class Answers:
    """Generates answers to the prompts of a set, a folder. All ranks call each method."""

    def __init__(self, workshop: Workshop, references: References) -> None:
        self._workshop = workshop
        self._references = references
        self._base: dict[Hashable, Mapping[int, str]] = {}
        self._known: dict[Path, bool] = {}

    def written(self, config: TrialConfig, model: torch.nn.Module, folder: Path) -> Written:
        """A model's answers with the values of all metrics that are asked for."""
        workshop = self._workshop
        base = self._base[_kind(config, folder)] if compares_with_base(config) else None
        scoring = Scoring.of(workshop.inputs, workshop.watchdog, base)
        prompts = workshop.lookups.prompts(folder, config, model)
        scored = with_own_scores(self._generated(config, model, prompts), config, scoring)
        if not config.learns.rolls_out:
            return scored
        numbers = [answer.prompt for answer in scored.answers]
        at_once = config.evaluation.batch_size or config.micro_batch_size
        scored = workshop.reward_models.scored(
            scored, folder, numbers, config.evaluation.metrics, at_once
        )
        asked = prompts.asked(numbers)
        return Judge(workshop, self._references).judged(config, model, asked, scored)

    def known(self, folder: Path) -> bool:
        """Whether each prompt of a set has a right answer."""
        if folder not in self._known:
            self._known[folder] = Prompts(folder).answered
        return self._known[folder]

    def longest(self, config: TrialConfig) -> int:
        """Tokens of the longest prompt that a trial is asked, with its answer; 0 without any."""
        settings, inputs = config.evaluation, self._workshop.inputs
        if not settings.metrics:
            return 0
        prompts = Prompts(inputs.validation)
        chosen = prompts.chosen(settings.prompts, seed_of(config), settings.samples)
        longest = prompts.longest(chosen)
        if config.learns.rolls_out:
            longest = max(longest, int(Prompts(inputs.train).lengths.max()))
        return longest + settings.max_new_tokens

    def lacks_base(self, config: TrialConfig, folder: Path) -> bool:
        """Whether a judge compares with the base, which has not answered these prompts yet."""
        return compares_with_base(config) and _kind(config, folder) not in self._base

    def know_base(self, config: TrialConfig, base: torch.nn.Module, folder: Path) -> None:
        """Let the untouched base answer, to prompts as they are."""
        plain = config.with_params({"method": NONE.name}) if config.tunes.lookup(config) else config
        found = self._generated(plain, base, self._workshop.lookups.prompts(folder, plain, base))
        self._base[_kind(config, folder)] = {each.prompt: each.said for each in found.answers}

    def _generated(self, config: TrialConfig, model: torch.nn.Module, prompts: Asked) -> Written:
        workshop = self._workshop
        writer = AnswerWriter(
            prompts,
            workshop.tokenizer,
            workshop.pad_id,
            workshop.device,
            workshop.progress,
            workshop.watchdog.alive,
        )
        return writer.written(config, model)


def _kind(config: TrialConfig, folder: Path) -> Hashable:
    return folder, held(config)
