"""The makers of examples from a file's records, for each objective except clm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.progress import Gauge
from trainables.data.making.answers import answers
from trainables.data.making.blocks import blocks, tokenise
from trainables.data.making.classes import labelled
from trainables.data.making.preferences import judgements, pairs
from trainables.data.making.rewards import compared, rated
from trainables.data.making.targets import Targets, targets_of
from trainables.data.records.conversation import Conversation
from trainables.data.records.formats import Gives
from trainables.data.records.record_file import RecordFile
from trainables.data.records.records import Document, Judged, Labelled, Pair, Rated, Record
from trainables.data.rendering.remarks import total
from trainables.data.sets.sources import Sources
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Item, Made, check_faults, key, usable
from trainables.data.tokens.texts import DECODER, TextForm
from trainables.data.tokens.tokenizer import Tokenizer
from trainables.objectives.classification import ClassificationConfig

R = TypeVar("R", bound=Record)

Maker = Callable[[Sequence[Record], Tokenizer, int], Made]
"""From records, with a tokenizer and the maximum tokens of a sequence, to items. Each record's
result is independent of the other records."""

_AT_ONCE = 1000


def targets_for(config: TrialConfig, sources: Sources) -> Targets | None:
    """What a classifier predicts; None for other objectives.

    DataError on a held-out label that the train files lack, unless such rows are skipped.
    """
    if config.objective != "classification":
        return None
    assert config.data is not None, "an objective with data"
    return targets_of(
        _records(sources.train, Labelled),
        _records(sources.held_out, Labelled),
        config.settings(ClassificationConfig),
        config.data.bad_rows == "skip",
    )


def output_names(objective: str, targets: Targets | None) -> tuple[str, ...]:
    """The names of a model's outputs; empty if its outputs are words."""
    if targets is not None:
        return targets.names
    return ("reward",) if objective == "reward" else ()


def counted_names(objective: str, targets: Targets | None) -> tuple[str, ...]:
    """The names under which example labels are counted; empty if labels are not classes."""
    match objective:
        case "classification":
            return targets.names if targets and targets.kind != "regression" else ()
        case "kto":
            return ("bad", "good")
        case _:
            return ()


def maker(
    objective: str, sources: Sources, targets: Targets | None, form: TextForm = DECODER
) -> Maker:
    """The maker for all files; DataError if one would need a different maker from the first."""
    match objective:
        case "sft" | "grpo" | "rloo" | "ppo":
            return _of(Conversation, answers)
        case "dpo" | "orpo" | "simpo":
            return _of(Pair, pairs)
        case "kto":
            return _judgements
        case "classification":
            assert targets is not None, "a classifier has targets"
            return _of(Labelled, partial(_labelled, targets=targets, form=form))
        case "reward":
            return _of(Pair, compared) if _all_pairs(sources.files) else _of(Rated, rated)
        case other:
            raise AssertionError(f"objective {other} makes no examples of records")


def in_parts(
    make: Maker,
    records: Sequence[Record],
    tokenizer: Tokenizer,
    length: int,
    skip: bool,
    gauge: Gauge,
) -> Made:
    """The result of `make` for all records, in parts; the gauge counts records.

    DataError for the first record with a fault, unless such records are skipped.
    """
    made = []
    for start in range(0, len(records), _AT_ONCE):
        part = records[start : start + _AT_ONCE]
        made.append(make(part, tokenizer, length))
        if not skip:
            check_faults(made[-1].drops)
        gauge.advance(len(part))
    return Made(
        tuple(chain.from_iterable(each.items for each in made)),
        tuple(chain.from_iterable(each.drops for each in made)),
        total(each.remarks for each in made),
    )


def language(file: RecordFile, tokenizer: Tokenizer, length: int, skip: bool, gauge: Gauge) -> Made:
    """The chats of a file as answers, or its text as blocks, for any objective.

    The gauge counts chats or documents.
    """
    if file.format.gives is Gives.CHAT:
        return in_parts(_of(Conversation, answers), file.records, tokenizer, length, skip, gauge)
    kept, drops = usable([each for each in file.records if isinstance(each, Document)])
    cut = blocks(tokenise([record.text for record in kept], tokenizer, gauge), length)
    same = [key(block) for block in cut]
    items = [
        Item(Example((block,)), identity, identity, file.name)
        for block, identity in zip(cut, same, strict=True)
    ]
    return Made(tuple(items), tuple(drops))


def _all_pairs(files: Sequence[RecordFile]) -> bool:
    first = files[0].format
    for file in files:
        if file.format.gives is not first.gives:
            raise DataError(
                f"{file.name} holds {file.format.gives}, and {files[0].name} {first.gives}; "
                "a reward model learns from one kind, so launch one sweep for each"
            )
    return first.gives is Gives.PAIR


def _of(kind: type[R], make: Callable[[Sequence[R], Tokenizer, int], Made]) -> Maker:
    return lambda records, tokenizer, length: make(_all(records, kind), tokenizer, length)


def _labelled(
    records: Sequence[Labelled],
    tokenizer: Tokenizer,
    length: int,
    targets: Targets,
    form: TextForm,
) -> Made:
    return labelled(records, targets, tokenizer, length, form)


def _judgements(records: Sequence[Record], tokenizer: Tokenizer, length: int) -> Made:
    judged = [record for record in records if isinstance(record, Judged | Pair)]
    assert len(judged) == len(records), "a file's records are of one kind"
    return judgements(judged, tokenizer, length)


def _records(files: Sequence[RecordFile], kind: type[R]) -> list[R]:
    return _all(chain.from_iterable(file.records for file in files), kind)


def _all(records: Iterable[Record], kind: type[R]) -> list[R]:
    listed = list(records)
    found: list[R] = [record for record in listed if isinstance(record, kind)]
    assert len(found) == len(listed), "a file's records are of one kind"
    return found
