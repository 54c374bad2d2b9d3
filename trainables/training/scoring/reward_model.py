"""Frozen models that score answers: loaded once, kept between trials, the same for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from trainables.core import ranks
from trainables.core.data_error import DataError
from trainables.core.errors import RefusedError
from trainables.core.progress import Progress
from trainables.data.making.rewards import answered, scored_whole
from trainables.data.records.conversation import Conversation
from trainables.data.retrieval.chats import load_asked
from trainables.data.tokens.batches import collate
from trainables.data.tokens.examples import Example
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import (
    Tokenizer,
    context_length,
    embedding_rows,
    load_tokenizer,
    pad_id,
)
from trainables.losses.batch import to_batch, to_device
from trainables.losses.forward import output_of
from trainables.metrics.written import Scored, Written
from trainables.training.base import DTYPES, Head, Loading, load_model
from trainables.training.inputs import Inputs
from trainables.training.scoring.reward_source import RewardSource


class RewardModel:
    """One reward model with its own tokenizer and chat template."""

    def __init__(self, source: RewardSource, device: torch.device, progress: Progress) -> None:
        self._source = source.model
        self._dtype = DTYPES[source.precision]
        self._device = device
        self._progress = progress

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return load_tokenizer(self._source)

    @cached_property
    def _pad_id(self) -> int:
        return pad_id(self._tokenizer, embedding_rows(self._source))

    @cached_property
    def _model(self) -> torch.nn.Module:
        head = Head(("reward",), self._pad_id)
        with self._progress.phase("loading the reward model"):
            model: torch.nn.Module
            model = load_model(self._source, Loading(self._dtype), head, self._device)
        model.eval()
        return model

    @cached_property
    def _context(self) -> int | None:
        return context_length(self._source)

    def scores(self, texts: Sequence[Conversation], at_once: int) -> list[float]:
        """A number for each chat with its answer, the same on every rank. All ranks call it; they
        take turns with batches of texts of similar length."""
        sequences = self._tokenised(texts)
        order = sorted(range(len(texts)), key=lambda place: -len(sequences[place].tokens))
        batches = [order[start : start + at_once] for start in range(0, len(order), at_once)]
        mine: dict[int, float] = {}
        for batch in batches[ranks.rank() :: ranks.world_size()]:
            found = self._of([sequences[place] for place in batch])
            mine |= zip(batch, found, strict=True)
        known = {place: n for each in ranks.from_every_rank(mine) for place, n in each.items()}
        return [known[place] for place in range(len(texts))]

    def _tokenised(self, texts: Sequence[Conversation]) -> list[TokenSequence]:
        try:
            return [self._fitting(each) for each in scored_whole(texts, self._tokenizer)]
        except DataError as error:
            raise RefusedError(f"reward model {self._source.name}: {error}") from error

    def _fitting(self, sequence: TokenSequence) -> TokenSequence:
        length = len(sequence.tokens)
        if self._context is not None and length > self._context:
            raise RefusedError(
                f"reward model {self._source.name}: a prompt with its answer has {length:,} of its "
                f"tokens, and its context is {self._context:,}; lower evaluation.max_new_tokens, "
                "shorten the prompts, or use a reward model with a longer context"
            )
        return sequence

    @torch.no_grad()
    def _of(self, sequences: Sequence[TokenSequence]) -> list[float]:
        arrays = collate([Example((each,)) for each in sequences], self._pad_id)
        batch = to_device(to_batch(arrays), self._device)
        found: list[float] = output_of(self._model, batch).squeeze(-1).float().tolist()
        return found


class RewardModels:
    """The reward models of a slot, by their metrics; each is loaded when it is first needed."""

    def __init__(
        self,
        inputs: Inputs,
        device: torch.device,
        progress: Progress,
        alive: Callable[[], None],
    ) -> None:
        self._models = {
            name: RewardModel(source, device, progress)
            for name, source in inputs.reward_models.items()
        }
        self._progress = progress
        self._alive = alive
        self._chats: dict[Path, list[Conversation]] = {}

    def scored(
        self,
        written: Written,
        folder: Path,
        prompts: Sequence[int],
        metrics: Sequence[str],
        at_once: int,
    ) -> Written:
        """The answers with the scores of those models whose metrics are among `metrics`.

        `prompts` are the numbers of the answers' prompts in the set `folder`. All ranks call it.
        """
        asked = [name for name in metrics if name in self._models]
        if not asked:
            return written
        began = time.monotonic()
        chats = self._chats_of(folder)
        texts = [
            answered(chats[number], answer.text)
            for number, answer in zip(prompts, written.answers, strict=True)
        ]
        own: dict[str, Scored] = {}
        with self._progress.phase("scoring answers with a reward model"):
            for name in asked:
                each = self._models[name].scores(texts, at_once)
                own[name] = Scored(sum(each) / len(each), each)
                self._alive()
        seconds = written.seconds + time.monotonic() - began
        return replace(written, own={**written.own, **own}, seconds=seconds)

    def _chats_of(self, folder: Path) -> list[Conversation]:
        if folder not in self._chats:
            self._chats[folder] = load_asked(folder)
        return self._chats[folder]
