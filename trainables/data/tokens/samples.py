"""Examples as the model sees them: their tokens as text again, with what is trained in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trainables.data.tokens.examples import Example
from trainables.data.tokens.rendering import Segment
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer

Stretches = tuple[Segment, ...]
"""A text in its order, in stretches that are trained as a whole or not at all."""

MOST_BYTES = 4
"""Of a character in UTF-8; one that was cut through has fewer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example. `label` is its class, reward or judgement, or empty; `texts` have names.

    A pair has the texts `prompt` (a reward model's: `shared`, what both begin with), `chosen` and
    `rejected`; other examples have a `text`.
    """

    label: str
    texts: Mapping[str, Stretches]


def sample(
    example: Example, tokenizer: Tokenizer, objective: str, labels: Sequence[str] = ()
) -> Sample:
    """The texts of one example. KTO's second sequence, which is nobody's answer, is left out."""
    label = _label(example, objective, labels)
    if objective == "kto" or len(example.sequences) == 1:
        return Sample(label, {"text": decoded(example.sequences[0], tokenizer)})
    chosen, rejected = example.sequences
    border = _border(chosen, rejected)
    return Sample(
        label,
        {
            "prompt" if chosen.targets.any() else "shared": (
                Segment(tokenizer.decode(chosen.tokens[:border]), trained=False),
            ),
            "chosen": decoded(chosen, tokenizer, border),
            "rejected": decoded(rejected, tokenizer, border),
        },
    )


def decoded(sequence: TokenSequence, tokenizer: Tokenizer, begin: int = 0) -> Stretches:
    """The text of the tokens from `begin` on, as it reads after those before it."""
    sequence = _whole_characters(sequence, tokenizer)
    changes = np.flatnonzero(np.diff(sequence.targets)) + 1
    ends = [end for end in (*changes.tolist(), len(sequence.tokens)) if end > begin]
    written = [tokenizer.decode(sequence.tokens[:end]) for end in (begin, *ends)]
    return tuple(
        Segment(upto[len(before) :], trained=bool(sequence.targets[end - 1]))
        for (before, upto), end in zip(pairwise(written), ends, strict=True)
    )


def _whole_characters(sequence: TokenSequence, tokenizer: Tokenizer) -> TokenSequence:
    """Without the bytes of a character that max_length has cut through.

    They stand at the end, or before a last eos, and spoil the characters before them as well.
    """
    count = len(sequence.tokens)
    end = count - int(sequence.tokens[-1] == tokenizer.eos_token_id)
    for cut in range(MOST_BYTES):
        kept = [*range(end - cut), *range(end, count)]
        if "\ufffd" not in tokenizer.decode(sequence.tokens[kept]):
            return TokenSequence(sequence.tokens[kept], sequence.targets[kept])
    return sequence


def _label(example: Example, objective: str, labels: Sequence[str]) -> str:
    match objective:
        case "classification":
            return labels[int(example.label)]
        case "kto":
            return "good" if example.label > 0.5 else "bad"
        case "reward" if len(example.sequences) == 1:
            return f"{example.label:g}"
        case _:
            return ""


def _border(chosen: TokenSequence, rejected: TokenSequence) -> int:
    """Where the answers begin, or, where no token is scored, where the two texts part."""
    if chosen.targets.any():
        return int(np.argmax(chosen.targets))
    shorter = min(len(chosen.tokens), len(rejected.tokens))
    differs = chosen.tokens[:shorter] != rejected.tokens[:shorter]
    return int(np.argmax(differs)) if differs.any() else shorter
