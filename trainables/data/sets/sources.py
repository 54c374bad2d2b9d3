"""All records of a trial, per file, as read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

from trainables.config.data import DataConfig
from trainables.config.trial import TrialConfig
from trainables.core.data_error import about, listing
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.files.origin import Kind, Origin, find
from trainables.data.files.reading import Manner, read
from trainables.data.files.sieve import Sieve
from trainables.data.making.answers import placeholders
from trainables.data.records.conversation import Conversation
from trainables.data.records.formats import LANGUAGE, READ_BY
from trainables.data.records.record_file import RecordFile, records_of
from trainables.data.retrieval.knowledge import read_texts
from trainables.data.sets.shares import Sides
from trainables.objectives.classification import ClassificationConfig

SHOWN_BAD = 3
"""Maximum bad rows of a file reported in full; the others are counted."""


_Read = tuple[RecordFile, tuple[str, ...]]
"""A file, with notes for the user about reading it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of each set; none for a set held out of the train files.

    `knowledge` are the texts in which passages are looked up.
    """

    train: tuple[RecordFile, ...]
    validation: tuple[RecordFile, ...]
    test: tuple[RecordFile, ...]
    general: tuple[RecordFile, ...]
    mix: tuple[RecordFile, ...]
    notes: tuple[str, ...]
    knowledge: tuple[str, ...] = ()

    @classmethod
    def read(cls, config: TrialConfig, progress: Progress = NO_PROGRESS) -> Sources:
        """Read all files of `config`; DataError if one does not suit the objective."""
        assert config.data is not None, "an objective with data"
        names = file_names(config.data)
        notes = [note for each in names.values() for name in each for note in find(name).notes]
        origins = [(part, origin) for part, each in names.items() for origin in origins_of(each)]
        found: dict[str, list[_Read]] = {part: [] for part in names}
        with progress.phase("reading", total=len(origins)) as gauge:
            for part, origin in origins:
                with progress.phase(origin.name):
                    found[part].append(_read(origin, config, part))
                gauge.advance()
        for file, said in chain.from_iterable(found.values()):
            notes += [*said, *_remarks(file)]
        files = {part: tuple(file for file, _ in each) for part, each in found.items()}
        knowledge = knowledge_names(config.data)
        texts = read_texts(knowledge, config.data.encoding) if knowledge else ()
        return cls(**files, notes=tuple(notes), knowledge=tuple(texts))

    @property
    def sides(self) -> Sides[tuple[RecordFile, ...]]:
        """The files of train, validation and test set."""
        return Sides(self.train, self.validation, self.test)

    @property
    def held_out(self) -> tuple[RecordFile, ...]:
        """The files of the validation and test sets."""
        return (*self.validation, *self.test)

    @property
    def files(self) -> tuple[RecordFile, ...]:
        """All files of the three sets."""
        return (*self.train, *self.held_out)


def file_names(data: DataConfig) -> dict[str, tuple[str, ...]]:
    """The names given for each set: train, validation, test, general and mix."""
    named = {
        "train": data.train,
        "validation": data.validation,
        "test": data.test,
        "general": data.general,
        "mix": data.mix.train if data.mix else None,
    }
    return {part: _as_names(given) for part, given in named.items()}


def knowledge_names(data: DataConfig) -> tuple[str, ...]:
    """The names given for the knowledge."""
    return _as_names(data.knowledge)


def _as_names(given: str | tuple[str, ...] | float | None) -> tuple[str, ...]:
    if isinstance(given, tuple):
        return given
    return (given,) if isinstance(given, str) else ()


def origins_of(
    names: Iterable[str], further: Mapping[str, Kind] = MappingProxyType({})
) -> list[Origin]:
    """All origins behind the names, in order; `further` suffixes are known as well."""
    return [origin for name in names for origin in find(name, further).origins]


def _read(origin: Origin, config: TrialConfig, part: str) -> _Read:
    data = config.data
    assert data is not None, "an objective with data"
    sieve = Sieve(data.bad_rows)
    if part in ("general", "mix"):
        with about(f"data.{part}"):
            found = read(origin, Manner(encoding=data.encoding), sieve)
            return records_of(origin, found.rows, f"data.{part}", LANGUAGE, sieve), found.notes
    delimiter = config.settings(ClassificationConfig).delimiter
    manner = Manner(data.columns, config.objective, data.encoding, delimiter)
    found = read(origin, manner, sieve)
    reader, reads = f"objective {config.objective}", READ_BY[config.objective]
    rows, keeps = found.rows, config.scores_records
    return records_of(origin, rows, reader, reads, sieve, data.columns, keeps), found.notes


def _remarks(file: RecordFile) -> list[str]:
    """Notes for the user about the fields and the answers of a file."""
    remarks = []
    if file.unread_fields:
        remarks.append(f"{file.name}: fields not read: {listing(file.unread_fields, 20)}")
    if file.bad:
        first = "; ".join(f"({row.message})" for row in file.bad[:SHOWN_BAD])
        bad = _rows(len(file.bad), "bad row")
        remarks.append(f"{file.name}: {bad} left out, the first: {first}")
    for allowed, places in file.adjusted.items():
        first = " ".join(places[0].rsplit(" ", 2)[-2:])
        remarks.append(f"{file.name}: {_rows(len(places))} with {allowed} (first: {first})")
    chats = [record for record in file.records if isinstance(record, Conversation)]
    count, example = placeholders(chats)
    if count:
        remarks.append(f"{file.name}: {count:,} answers hold a placeholder such as {example}")
    return remarks


def _rows(count: int, noun: str = "row") -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"
