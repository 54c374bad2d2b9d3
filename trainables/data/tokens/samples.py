"""Examples as the model sees them: decoded to text, with their trained parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trainables.data.tokens.examples import Example
from trainables.data.tokens.prompts import Prompt
from trainables.data.tokens.segment import Segment
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer

Stretches = tuple[Segment, ...]
"""A text in order, in stretches that are wholly trained or wholly untrained."""

MOST_BYTES = 4
"""Maximum bytes of a UTF-8 character; a character cut short has fewer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example. `label` is its class, reward or judgement, or empty; `texts` are by name.

    A pair has the texts `prompt` (a reward model's: `shared`, the common beginning), `chosen` and
    `rejected`; a prompt that is answered in training has `prompt` and `right answer`; other
    examples have a `text`.
    """

    label: str
    texts: Mapping[str, Stretches]


def sample(
    example: Example, tokenizer: Tokenizer, objective: str, labels: Sequence[str] = ()
) -> Sample:
    """The texts of one example, without KTO's second sequence, whose answer is mismatched."""
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


def asked(prompt: Prompt, tokenizer: Tokenizer) -> Sample:
    """A prompt that the model answers in training, and the answer that is right, if it has one.
    Neither is trained on."""
    shown = tokenizer.decode(prompt.tokens), *prompt.references[:1]
    names = ("prompt", "right answer")
    return Sample("", {n: (Segment(t, trained=False),) for n, t in zip(names, shown, strict=False)})


def decoded(sequence: TokenSequence, tokenizer: Tokenizer, begin: int = 0) -> Stretches:
    """The text of the tokens from `begin` on, decoded in the context of those before."""
    sequence = _whole_characters(sequence, tokenizer)
    changes = np.flatnonzero(np.diff(sequence.targets)) + 1
    ends = [end for end in (*changes.tolist(), len(sequence.tokens)) if end > begin]
    written = [tokenizer.decode(sequence.tokens[:end]) for end in (begin, *ends)]
    return tuple(
        Segment(upto[len(before) :], trained=bool(sequence.targets[end - 1]))
        for (before, upto), end in zip(pairwise(written), ends, strict=True)
    )


def _whole_characters(sequence: TokenSequence, tokenizer: Tokenizer) -> TokenSequence:
    """The sequence without the bytes of a character cut short by max_length.

    They are at the end, or before a final eos, and also spoil the decoding of characters before.
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
        case "classification" if isinstance(example.label, np.ndarray):
            return (
                ", ".join(labels[place] for place in np.flatnonzero(example.label).tolist())
                or "none"
            )
        case "classification" if len(labels) > 1:
            return labels[int(example.label)]
        case "classification":
            return f"{example.label:g}"
        case "kto":
            return "good" if example.label > 0.5 else "bad"
        case "reward" if len(example.sequences) == 1:
            return f"{example.label:g}"
        case _:
            return ""


def _border(chosen: TokenSequence, rejected: TokenSequence) -> int:
    """Start of the answers, or, if no token is scored, of the difference between the texts."""
    if chosen.targets.any():
        return int(np.argmax(chosen.targets))
    shorter = min(len(chosen.tokens), len(rejected.tokens))
    differs = chosen.tokens[:shorter] != rejected.tokens[:shorter]
    return int(np.argmax(differs)) if differs.any() else shorter
