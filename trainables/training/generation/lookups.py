"""What trials look up for their prompts; read and indexed once in a process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch

from trainables.config.trial import TrialConfig
from trainables.core.lookup import Lookup
from trainables.core.progress import Progress
from trainables.data.making.prompts import prompts
from trainables.data.records.conversation import Conversation
from trainables.data.retrieval.chats import load_chats
from trainables.data.retrieval.knowledge import load_texts
from trainables.data.retrieval.library import Library
from trainables.data.retrieval.prompted import LookedUpPrompts
from trainables.data.retrieval.ranking import Embed
from trainables.data.tokens.prompts import Asked, Prompts
from trainables.data.tokens.tokenizer import Tokenizer, context_length
from trainables.training.base import Loading, loading_of
from trainables.training.generation.embedding import StateMeans, encoder_of
from trainables.training.inputs import Inputs


class Lookups:
    """The library of the training examples and the knowledge of `inputs`."""

    def __init__(
        self, inputs: Inputs, tokenizer: Tokenizer, device: torch.device, progress: Progress
    ) -> None:
        self._inputs = inputs
        self._tokenizer = tokenizer
        self._device = device
        self._progress = progress
        self._libraries: dict[tuple[int, Loading], Library] = {}
        self._encoders: dict[str, Embed] = {}

    def prompts(self, folder: Path, config: TrialConfig, model: torch.nn.Module) -> Asked:
        """The prompts of the set in `folder` as the trial asks them."""
        own, lookup = Prompts(folder), config.tunes.lookup(config)
        if lookup is None:
            return own
        return self._looked_up(own, load_chats(folder), lookup, config, model)

    def prompt(
        self, chat: Conversation, config: TrialConfig, model: torch.nn.Module
    ) -> tuple[list[int], tuple[int, ...]]:
        """The ids of a new question as the trial would be asked it, and those that end answers.

        The last turn of the chat is the answer, which is no part of the prompt.
        """
        lookup, data = config.tunes.lookup(config), config.data
        if lookup is None and data is not None and data.retrieve is not None:
            lookup = data.retrieve.lookup
        if lookup is None:
            (plain,), stops = prompts([chat], self._tokenizer)
            return plain.tokens.tolist(), tuple(stops)
        own = Prompts(self._inputs.validation)
        looked_up = self._looked_up(own, (), lookup, config, model)
        (prompt,), _ = looked_up.with_pieces([chat])
        return prompt.tokens.tolist(), own.stops

    def _looked_up(
        self,
        own: Prompts,
        chats: Sequence[Conversation],
        lookup: Lookup,
        config: TrialConfig,
        model: torch.nn.Module,
    ) -> LookedUpPrompts:
        room = self._context - config.evaluation.max_new_tokens if self._context else None
        dense = lookup.retriever == "dense"
        embed = self._embed(lookup.encoder, config, model) if dense else None
        library = self._library(config)
        return LookedUpPrompts(own, chats, library, lookup, self._tokenizer, room, embed)

    @cached_property
    def _context(self) -> int | None:
        return context_length(self._inputs.model)

    def _library(self, config: TrialConfig) -> Library:
        """One for each way of holding the base, whose states depend on it."""
        assert config.data is not None, "an objective with data"
        key = config.data.seed, loading_of(config)
        if key not in self._libraries:
            knowledge = self._inputs.knowledge
            self._libraries[key] = Library(
                lambda: load_chats(self._inputs.train),
                lambda: load_texts(knowledge) if knowledge else [],
                self._tokenizer,
                config.data.seed,
            )
        return self._libraries[key]

    def _embed(self, encoder: str | None, config: TrialConfig, model: torch.nn.Module) -> Embed:
        if encoder is None:
            return StateMeans(
                model, self._tokenizer, config, self._context, self._device, self._progress
            )
        if encoder not in self._encoders:
            self._encoders[encoder] = encoder_of(encoder, self._device)
        return self._encoders[encoder]
