"""Prompts with answers that do not fit a reward model, known once the data are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeps.base.errors import SweepError
from sweeps.spec.spec import SweepSpec
from trainables.config.rewards import FIELDS
from trainables.core.data_error import DataError
from trainables.data.making.rewards import answered, scored_whole
from trainables.data.records.conversation import Conversation
from trainables.data.retrieval.chats import load_asked
from trainables.data.tokens.prompts import Prompts
from trainables.data.tokens.tokenizer import Tokenizer, context_length, load_tokenizer
from trainables.objectives.policy import RlConfig
from trainables.training.inputs import Inputs, Prepared

_LOOKED_AT = 64
"""The longest prompts of a set, by the policy's tokens, which another tokenizer may reorder."""


def check_reward_lengths(spec: SweepSpec, prepared: Prepared) -> None:
    """SweepError if a prompt with an answer of the full length exceeds a reward model's context, or
    if its chat template refuses one."""
    inputs = prepared.inputs
    most = spec.trial.evaluation.max_new_tokens
    for metric, source in inputs.reward_models.items():
        context = context_length(source.model)
        if context is None:
            continue
        chats = [*_measured(spec, inputs)]
        if metric in spec.trial.settings(RlConfig).rewards:
            chats += _longest_of(inputs.train, range(len(Prompts(inputs.train))))
        try:
            longest, each = _longest(inputs, load_tokenizer(source.model), chats)
        except DataError as error:
            raise SweepError(f"{FIELDS[metric]}: {error}") from error
        needed = longest + math.ceil(most * each)
        if needed > context:
            raise SweepError(_too_long(FIELDS[metric], most, needed, context, longest, each))


def _measured(spec: SweepSpec, inputs: Inputs) -> Iterator[Conversation]:
    """The longest prompts that evaluations ask."""
    settings, data = spec.trial.evaluation, spec.trial.data
    assert data is not None, "there are prompts"
    for folder in filter(None, (inputs.validation, inputs.test)):
        chosen = Prompts(folder).chosen(settings.prompts, data.seed, settings.samples)
        yield from _longest_of(folder, chosen)


def _longest(
    inputs: Inputs, tokenizer: Tokenizer, chats: Sequence[Conversation]
) -> tuple[int, float]:
    """The tokens of the longest prompt with an empty answer, and those for one of the policy's."""
    policys = load_tokenizer(inputs.tokenizer_source)
    theirs = [len(each.tokens) for each in scored_whole(chats, tokenizer)]
    if policys.get_vocab() == tokenizer.get_vocab():
        return max(theirs), 1.0
    own = sum(len(each.tokens) for each in scored_whole(chats, policys))
    return max(theirs), sum(theirs) / own


def _longest_of(folder: Path, chosen: Sequence[int]) -> Iterator[Conversation]:
    """The longest of these prompts of a set, with empty answers."""
    lengths, chats = Prompts(folder).lengths, load_asked(folder)
    longest = sorted(chosen, key=lambda place: -int(lengths[place]))[:_LOOKED_AT]
    return (answered(chats[place], "") for place in longest)


def _too_long(field: str, most: int, needed: int, context: int, longest: int, each: float) -> str:
    room = int((context - longest) / each)
    about = "" if each == 1 else "about "
    lower = f"lower evaluation.max_new_tokens to {room:,}, " if room > 0 else ""
    return (
        f"{field}: the longest prompt with an answer of evaluation.max_new_tokens {most:,} has "
        f"{about}{needed:,} of its tokens, and its context is {context:,}; {lower}shorten the "
        "prompts, or use a reward model with a longer context"
    )
