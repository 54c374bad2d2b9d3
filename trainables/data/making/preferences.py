"""Examples of DPO and KTO: prompts with better or worse answers.

As in TRL, a prompt with its answer is cut after `length` tokens, and left out if the prompt alone
fills them. Only the last answer is scored; earlier answers are part of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from trainables.data.making.answers import TOO_LONG
from trainables.data.records.records import Judged, Pair
from trainables.data.rendering.remarks import total
from trainables.data.rendering.rendering import render_pairs, render_whole
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Drop, Item, Made, digest, faulty, key, usable
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer

ALIKE = "answers alike up to max_length"


def pairs(records: Sequence[Pair], tokenizer: Tokenizer, length: int) -> Made:
    """Examples of two sequences, chosen and rejected, with the same prompt tokens."""
    kept, drops = usable(records)
    rendered = list(render_pairs((pair.conversations() for pair in kept), tokenizer))
    items = []
    for pair, both in zip(kept, rendered, strict=True):
        if both[0].fault:
            drops.append(faulty(pair.where, both[0].fault))
            continue
        wholes = tuple(each.whole for each in both)
        sequences = tuple(whole.cut(length) for whole in wholes)
        reason = _reason_to_drop(sequences)
        if reason:
            needs = max(whole.first_target for whole in wholes) + 1 if reason == TOO_LONG else 0
            drops.append(Drop(reason, pair.where, needs))
            continue
        cut = any(len(whole.tokens) > length for whole in wholes)
        example = Example(sequences, weight=pair.weight)
        items.append(Item(example, key(*sequences), _prompt(sequences[0]), pair.where, cut=cut))
    return Made(tuple(items), tuple(drops), total(first.remarks for first, _ in rendered))


def judgements(records: Sequence[Judged | Pair], tokenizer: Tokenizer, length: int) -> Made:
    """Examples of one sequence and label 1 (good) or 0 (bad); a pair gives one of each.

    `with_others` adds the second sequence after the split, from examples on the same side.
    """
    kept, drops = usable(records)
    answers = list(chain.from_iterable(_judged(record) for record in kept))
    rendered = list(render_whole((answer.conversation for answer in answers), tokenizer))
    items = []
    for answer, each in zip(answers, rendered, strict=True):
        if each.fault:
            drops.append(faulty(answer.where, each.fault))
            continue
        whole = each.whole
        sequence = whole.cut(length)
        if not sequence.targets.any():
            drops.append(Drop(TOO_LONG, answer.where, whole.first_target + 1))
            continue
        example = Example((sequence,), float(bool(answer.desirable)), answer.weight)
        identity = digest(key(sequence), bytes([bool(answer.desirable)]))
        cut = len(whole.tokens) > length
        items.append(Item(example, identity, _prompt(sequence), answer.where, cut=cut))
    remarks = total(each.remarks for each in rendered)
    return Made(tuple(items), tuple(dict.fromkeys(drops)), remarks)


def with_others(items: Sequence[Item], length: int) -> list[Example]:
    """The examples, each with its prompt and the next example's answer to another prompt.

    From these KTO estimates the divergence from the reference. The first follows the last; if all
    have the same prompt, the answer is simply the next example's.
    """
    others = _next_of_other_prompt([item.group for item in items])
    return [
        item.example._replace(
            sequences=(*item.example.sequences, _crossed(item, items[other]).cut(length))
        )
        for item, other in zip(items, others, strict=True)
    ]


def _judged(record: Judged | Pair) -> Sequence[Judged]:
    return (record,) if isinstance(record, Judged) else record.judged()


def _reason_to_drop(sequences: Sequence[TokenSequence]) -> str | None:
    if not all(sequence.targets.any() for sequence in sequences):
        return TOO_LONG
    return ALIKE if key(sequences[0]) == key(sequences[1]) else None


def _prompt(sequence: TokenSequence) -> bytes:
    return digest(sequence.tokens[: sequence.first_target].tobytes())


def _crossed(item: Item, other: Item) -> TokenSequence:
    """One example's prompt with another's answer."""
    mine, theirs = item.example.sequences[0], other.example.sequences[0]
    end, start = mine.first_target, theirs.first_target
    return TokenSequence(
        np.concatenate([mine.tokens[:end], theirs.tokens[start:]]),
        np.concatenate([mine.targets[:end], theirs.targets[start:]]),
    )


def _next_of_other_prompt(prompts: Sequence[bytes]) -> list[int]:
    count = len(prompts)
    following = [(place + 1) % count for place in range(count)]
    others = list(following)
    for _ in range(2):  # the second pass is for those that wrap around the end
        for place in reversed(range(count)):
            if prompts[others[place]] == prompts[place]:
                others[place] = others[others[place]]
    return [
        other if prompts[other] != prompt else after
        for prompt, other, after in zip(prompts, others, following, strict=True)
    ]
