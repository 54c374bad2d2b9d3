"""A trial's model that answers questions one at a time, shown while it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import TextStreamer

from trainables.config.trial import TrialConfig
from trainables.data.records.conversation import Conversation, Message
from trainables.models import tuned
from trainables.training.base import autocast
from trainables.training.generation.generating import generating, left_padded, own_stops
from trainables.training.workshop import Workshop

Say = Callable[[str], None]


class Answering:
    """Answers as the trial does: with its weights, template and examples or passages, greedily."""

    def __init__(self, workshop: Workshop, config: TrialConfig, model: torch.nn.Module) -> None:
        self._workshop = workshop
        self._config = config
        self._model = model

    @torch.no_grad()
    def answer(self, question: str, most: int, say: Say) -> None:
        """Write an answer of at most `most` tokens; `say` gets its text piece by piece."""
        workshop = self._workshop
        turns = Message("user", question), Message("assistant", "", trainable=True)
        ids, ends = workshop.lookups.prompt(Conversation(turns), self._config, self._model)
        stops = {*ends, *own_stops(self._model)}
        inputs = left_padded([ids], workshop.pad_id)
        with (
            generating(self._model, stops, most, workshop.pad_id),
            autocast(self._config, workshop.device),
        ):
            self._model.generate(  # type: ignore[operator]
                **{name: each.to(workshop.device) for name, each in inputs.items()},
                streamer=_Pieces(workshop.tokenizer, say),
            )


@contextmanager
def answering(workshop: Workshop, config: TrialConfig, weights: Path | None) -> Iterator[Answering]:
    """The trial's model with the trained part in `weights` (None: the base itself).

    RefusedError if `weights` is not what this trial saves.
    """
    with workshop.untouched(config) as base:
        model = base if weights is None else tuned.restore(base, config, weights)
        yield Answering(workshop, config, model)


class _Pieces(TextStreamer):
    """Passes the text on as soon as its words are whole."""

    def __init__(self, tokenizer: Any, say: Say) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._say = say

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Pass it on."""
        self._say(text)
