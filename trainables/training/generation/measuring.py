"""The answers that a measured model is asked for, with all that is measured of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainables.config.trial import TrialConfig
from trainables.data.tokens.prompts import Prompts
from trainables.metrics.written import Written
from trainables.training.generation.writer import AnswerWriter, seed_of
from trainables.training.inputs import Inputs
from trainables.training.references import References
from trainables.training.rollouts.judging import Judge
from trainables.training.scoring.own import with_own_scores

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


def written(
    workshop: Workshop,
    references: References,
    config: TrialConfig,
    model: torch.nn.Module,
    folder: Path,
) -> Written:
    """A model's answers to prompts of the set in `folder`. All ranks call it."""
    prompts = workshop.lookups.prompts(folder, config, model)
    writer = AnswerWriter(
        prompts,
        workshop.tokenizer,
        workshop.pad_id,
        workshop.device,
        workshop.progress,
        workshop.watchdog.alive,
    )
    answers = writer.written(config, model)
    files, limit = workshop.inputs.metric_files, workshop.watchdog.seconds
    scored = with_own_scores(answers, config, files, limit)
    if not config.learns.rolls_out:
        return scored
    asked = prompts.asked([answer.prompt for answer in scored.answers])
    return Judge(workshop, references).judged(config, model, asked, scored)


def longest_asked(config: TrialConfig, inputs: Inputs) -> int:
    """Tokens of the longest prompt that a trial is asked, with its answer."""
    prompts = Prompts(inputs.validation)
    longest = prompts.longest(prompts.chosen(config.evaluation.prompts, seed_of(config)))
    if config.learns.rolls_out:
        longest = max(longest, int(Prompts(inputs.train).lengths.max()))
    return longest + config.evaluation.max_new_tokens
