"""What is looked up for a prompt: training examples or passages, and how they are found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.core.frozen import Frozen

Retriever = Literal["random", "bm25", "dense"]
Source = Literal["examples", "knowledge"]

PASSAGES, QUESTION = "{passages}", "{question}"
"""The places in a layout."""

_PLACES = (PASSAGES, QUESTION)

ENCODER_PACKAGE, ENCODER_EXTRA = "sentence-transformers", "winnow-sweeps[retrieval]"
"""What an encoder needs, and the extra of this project that installs it."""

LAYOUT = f"{PASSAGES}\n\n{QUESTION}"


def check_layout(layout: str) -> str:
    """The layout; ValueError unless each place is in it once, and no other."""
    for place in _PLACES:
        if layout.count(place) != 1:
            raise ValueError(
                f"{layout!r} has {place} {layout.count(place)} times; write {PASSAGES} and "
                f"{QUESTION} once each"
            )
    if others := [each for each in re.findall(r"\{\w+\}", layout) if each not in _PLACES]:
        raise ValueError(
            f"{layout!r} has {others[0]}, which nothing fills in; write only {PASSAGES} and "
            f"{QUESTION}"
        )
    return layout


class PassageFields(Frozen):
    """How texts are cut into passages, and where these stand in a prompt."""

    chunk_tokens: Annotated[int, Field(ge=8, le=2**20)] = Field(
        default=128, description="maximum tokens of a passage"
    )
    overlap: Annotated[float, Field(ge=0, le=0.9)] = Field(
        default=0.2, description="share of a passage that the next one repeats"
    )
    layout: Annotated[str, AfterValidator(check_layout)] = Field(
        default=LAYOUT, description="the question with {passages} and {question}"
    )


@dataclass(frozen=True, slots=True)
class Lookup:
    """The `count` best examples or passages for each prompt, or as many as fit.

    Passages have `chunk_tokens` tokens, and share `overlap` of them with the next. `layout` is the
    question with passages. `encoder` is a sentence-transformers model for the retriever `dense`;
    without one, the base model's own states are compared.
    """

    source: Source
    count: int
    retriever: Retriever
    encoder: str | None = None
    chunk_tokens: int = 0
    overlap: float = 0.0
    layout: str = LAYOUT
