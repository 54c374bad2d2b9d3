"""Both sides of a trial's data in memory, with what was counted on the way; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from trainables.config import TrialConfig
from trainables.data.answers import answers, placeholders
from trainables.data.blocks import blocks, tokenise
from trainables.data.conversation import Conversation
from trainables.data.errors import DataError
from trainables.data.formats import Records, records_of
from trainables.data.origin import Origin, find
from trainables.data.reading import read
from trainables.data.sequences import TokenSequence
from trainables.data.split import Split, duplicates, split
from trainables.data.summary import Side, Summary
from trainables.data.tokenizer import Tokenizer
from trainables.data_config import DataConfig

ENOUGH_DOCUMENTS = 10
"""Whole documents are held out where the validation set would get this many; else, blocks."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The records of the train files and of the validation file, each with its file's name."""

    train: tuple[tuple[Origin, Records], ...]
    validation: tuple[tuple[Origin, Records], ...]
    reading_notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, config: TrialConfig) -> Sources:
        """Read all files of `config`; DataError where one does not suit the objective."""
        assert config.data is not None, "an objective with data"
        found = [find(name) for name in (*train_files(config.data), *validation_files(config.data))]
        train, validation = (
            tuple((origin, _suitable(origin, config)) for origin in origins_of(names))
            for names in (train_files(config.data), validation_files(config.data))
        )
        notes = [note for each in found for note in each.notes]
        return cls(train, validation, tuple(notes))

    def notes(self) -> tuple[str, ...]:
        """What the owner should know about the fields and the answers of the files."""
        notes: list[str] = [*self.reading_notes]
        for origin, records in (*self.train, *self.validation):
            notes += records.notes
            if records.unread_fields:
                notes.append(f"{origin.name}: fields not read: {', '.join(records.unread_fields)}")
            count, example = placeholders(records.conversations)
            if count:
                notes.append(
                    f"{origin.name}: {count:,} answers hold a placeholder such as {example}"
                )
        return tuple(notes)


@dataclass(frozen=True, slots=True)
class Draft:
    """Train and validation sequences, and the counts for the summary."""

    train: Sequence[TokenSequence]
    validation: Sequence[TokenSequence]
    duplicates: int
    truncated: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def summary(self, sources: Sources, length: int, notes: tuple[str, ...]) -> Summary:
        """The counts of this draft of `sources`, at `length` tokens a sequence."""
        files = [records for _, records in (*sources.train, *sources.validation)]
        return Summary(
            format=" + ".join(dict.fromkeys(records.format for records in files)),
            records=sum(len(records) for records in files),
            train=Side.of(self.train),
            validation=Side.of(self.validation),
            max_length=length,
            duplicates=self.duplicates,
            truncated=self.truncated,
            dropped=self.dropped,
            notes=(*notes, *sources.notes(), *self.notes),
        )


def draft(sources: Sources, config: TrialConfig, tokenizer: Tokenizer, length: int) -> Draft:
    """Sequences of at most `length` tokens, on both sides; DataError where a side stays empty."""
    assert config.data is not None, "an objective with data"
    make: Callable[..., Draft] = _draft_answers if config.objective == "sft" else _draft_blocks
    made = make(sources, config.data, tokenizer, length)
    for side, sequences in (("train", made.train), ("validation", made.validation)):
        if not sequences:
            reasons = ", ".join(f"{count} {reason}" for reason, count in made.dropped.items())
            raise DataError(
                f"data.{side}: no record is left to use ({reasons or 'there were none'}); "
                "mend the records, or raise data.max_length if they are too long"
            )
    return made


def train_files(data: DataConfig) -> tuple[str, ...]:
    """The names of the train files."""
    return (data.train,) if isinstance(data.train, str) else data.train


def validation_files(data: DataConfig) -> tuple[str, ...]:
    """The name of the validation file, if there is one."""
    return (data.validation,) if isinstance(data.validation, str) else ()


def origins_of(names: Iterable[str]) -> list[Origin]:
    """Everything that the names stand for, in order."""
    return [origin for name in names for origin in find(name).origins]


def _suitable(origin: Origin, config: TrialConfig) -> Records:
    assert config.data is not None, "an objective with data"
    path, objective = origin.path, config.objective
    read_ = read(origin, config.data.columns, objective)
    records = replace(records_of(read_.rows), notes=read_.notes)
    if objective == "sft" and records.format == "text":
        raise DataError(
            f"{path} holds text without answers, which objective sft needs; set objective: clm"
        )
    if objective == "clm" and records.format != "text":
        raise DataError(
            f"{path} holds {records.format} records, and objective clm reads plain text; "
            "set objective: sft"
        )
    return records


def _draft_answers(sources: Sources, data: DataConfig, tokenizer: Tokenizer, length: int) -> Draft:
    made = answers(_chats(sources.train), tokenizer, length)
    held_out = answers(_chats(sources.validation), tokenizer, length)
    train, validation = list(made.sequences), list(held_out.sequences)
    keys = [_key(sequence) for sequence in (*train, *validation)]
    notes: tuple[str, ...] = ()
    if isinstance(data.validation, str):
        notes = _overlap(keys[: len(train)], keys[len(train) :])
    elif train:
        train, validation = _divided(train, split(keys, data.validation, data.seed))
    return Draft(
        train=train,
        validation=validation,
        duplicates=duplicates(keys),
        truncated=made.truncated + held_out.truncated,
        dropped=dict(made.dropped + held_out.dropped),
        notes=notes,
    )


def _draft_blocks(sources: Sources, data: DataConfig, tokenizer: Tokenizer, length: int) -> Draft:
    (texts, empty), (held_out_texts, more) = map(_documents, (sources.train, sources.validation))
    dropped = {"empty document": empty + more} if empty + more else {}
    train = tokenise(texts, tokenizer)
    if isinstance(data.validation, str):
        held_out = tokenise(held_out_texts, tokenizer)
        repeated = duplicates([*texts, *held_out_texts])
        sides = blocks(train, length), blocks(held_out, length)
        return Draft(*sides, repeated, 0, dropped, _overlap(texts, held_out_texts))
    if len(set(texts)) * data.validation >= ENOUGH_DOCUMENTS:
        weights = [len(document.tokens) for document in train]
        parts = _divided(train, split(texts, data.validation, data.seed, weights))
        left, right = (blocks(part, length) for part in parts)
        note = "whole documents are held out"
        return Draft(left, right, duplicates(texts), 0, dropped, (note,))
    cut = blocks(train, length)
    keys = [_key(block) for block in cut]
    left, right = _divided(cut, split(keys, data.validation, data.seed))
    note = "blocks of the text are held out"
    return Draft(left, right, duplicates(keys), 0, dropped, (note,))


def _chats(files: Sequence[tuple[Origin, Records]]) -> list[Conversation]:
    return list(chain.from_iterable(records.conversations for _, records in files))


def _documents(files: Sequence[tuple[Origin, Records]]) -> tuple[list[str], int]:
    """The documents that hold something, and how many hold nothing."""
    listed = list(chain.from_iterable(records.documents for _, records in files))
    texts = [text for text in listed if text.strip()]
    return texts, len(listed) - len(texts)


def _divided(
    sequences: Sequence[TokenSequence], places: Split
) -> tuple[list[TokenSequence], list[TokenSequence]]:
    left, right = ([sequences[place] for place in side] for side in places)
    return left, right


def _key(sequence: TokenSequence) -> bytes:
    return sequence.tokens.tobytes() + sequence.targets.tobytes()


def _overlap(train: Sequence[Hashable], validation: Sequence[Hashable]) -> tuple[str, ...]:
    known = set(train)
    shared = sum(key in known for key in validation)
    text = f"{shared:,} of {len(validation):,} validation records are in the train files as well"
    return (text,) if shared else ()
