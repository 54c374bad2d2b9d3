"""The model in training as the author of answers to train on, each sampled by a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.data.tokens.prompts import Prompts
from trainables.data.tokens.sequences import IntArray
from trainables.metrics.registry import GENERATED
from trainables.metrics.written import Written
from trainables.objectives.policy import RlConfig
from trainables.training.generation.writer import AnswerWriter
from trainables.training.rollouts.drawing import Drawing
from trainables.training.rollouts.rollout import Rollout
from trainables.training.scoring.own import Scoring, with_own_scores

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


class Author:
    """Answers training prompts, and has the answers measured in what is rewarded."""

    def __init__(self, workshop: Workshop, config: TrialConfig, model: torch.nn.Module) -> None:
        self._workshop = workshop
        self._model = model
        self._settings = config.settings(RlConfig)
        weights = self._settings.rewards
        own = {
            name: each for name, each in config.metrics.items() if {*each.names(name)} & {*weights}
        }
        self._config = config.model_copy(update={"metrics": own})
        self._metrics = tuple(GENERATED[name] for name in weights if name in GENERATED)
        self._prompts = Prompts(workshop.inputs.train)
        self._writer = AnswerWriter(
            self._prompts,
            workshop.tokenizer,
            workshop.pad_id,
            workshop.device,
            workshop.progress,
            workshop.watchdog.alive,
        )

    def rollout(self, number: int, places: IntArray) -> tuple[Rollout, Written]:
        """Answers to the prompts at `places`, in order, the same on every rank. All ranks call it.

        The seed of an answer is that of the trial, of the rollout's number, of its prompt and of
        its place.
        """
        prompts = {place: self._prompts[place] for place in {*places.tolist()}}
        asked = {row: prompts[place] for row, place in enumerate(places.tolist())}
        drawings: list[tuple[Sequence[int], Drawing]] = []

        def sampler(batch: Sequence[int]) -> Drawing:
            keys = [(self._config.seed, number, int(places[row]), row) for row in batch]
            drawings.append((batch, Drawing(self._settings.temperature, keys)))
            return drawings[-1][1]

        answers = self._writer.answers(self._config, self._model, asked, sampler)
        known = _log_probabilities(drawings)
        rollout = Rollout.of(
            number,
            [prompt.tokens.tolist() for prompt in asked.values()],
            [answer.ids for answer in answers],
            [known[row] for row in asked],
        )
        scoring = Scoring.of(self._workshop.inputs, self._workshop.watchdog)
        written = with_own_scores(Written(answers, self._metrics), self._config, scoring)
        train, metrics = self._workshop.inputs.train, [*self._settings.rewards]
        at_once = self._config.evaluation.batch_size or self._config.micro_batch_size
        models = self._workshop.reward_models
        return rollout, models.scored(written, train, places.tolist(), metrics, at_once)


def _log_probabilities(drawings: Sequence[tuple[Sequence[int], Drawing]]) -> dict[int, list[float]]:
    """Those of every row's tokens, on every rank."""
    mine: dict[int, list[float]] = {}
    for batch, drawing in drawings:
        each = torch.stack(drawing.log_probabilities, dim=1).tolist()
        mine |= zip(batch, each, strict=True)
    return {row: value for part in ranks.from_every_rank(mine) for row, value in part.items()}
