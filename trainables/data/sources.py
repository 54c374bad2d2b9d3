"""All records of a trial, of each of its files, as they were read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from trainables.config import TrialConfig
from trainables.data.answers import placeholders
from trainables.data.conversation import Conversation
from trainables.data.origin import Origin, find
from trainables.data.reading import read
from trainables.data.record_file import RecordFile, records_of
from trainables.data.shares import Sides
from trainables.data_config import DataConfig


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of each side. A side that is held out of the train files has none of its own."""

    train: tuple[RecordFile, ...]
    validation: tuple[RecordFile, ...] = ()
    test: tuple[RecordFile, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, config: TrialConfig) -> Sources:
        """Read all files of `config`; DataError where one does not suit the objective."""
        assert config.data is not None, "an objective with data"
        names = train_files(config.data), *held_out_files(config.data)
        notes = list(chain.from_iterable(find(name).notes for each in names for name in each))
        sides = [[_read(origin, config) for origin in origins_of(each)] for each in names]
        for file, said in chain.from_iterable(sides):
            notes += [*said, *_remarks(file)]
        train, validation, test = (tuple(file for file, _ in side) for side in sides)
        return cls(train, validation, test, tuple(notes))

    @property
    def sides(self) -> Sides[tuple[RecordFile, ...]]:
        """The files of each set."""
        return Sides(self.train, self.validation, self.test)

    @property
    def held_out(self) -> tuple[RecordFile, ...]:
        """The files that nothing is learned from."""
        return (*self.validation, *self.test)

    @property
    def files(self) -> tuple[RecordFile, ...]:
        """All of them, in the order train, validation, test."""
        return (*self.train, *self.held_out)


def train_files(data: DataConfig) -> tuple[str, ...]:
    """The names of the train files."""
    return (data.train,) if isinstance(data.train, str) else data.train


def held_out_files(data: DataConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the validation files and of the test files, where there are such files."""
    validation, test = (
        (name,) if isinstance(name, str) else () for name in (data.validation, data.test)
    )
    return validation, test


def origins_of(names: Iterable[str]) -> list[Origin]:
    """Everything that the names stand for, in order."""
    return [origin for name in names for origin in find(name).origins]


def _read(origin: Origin, config: TrialConfig) -> tuple[RecordFile, tuple[str, ...]]:
    assert config.data is not None, "an objective with data"
    found = read(origin, config.data.columns, config.objective)
    return records_of(origin, found.rows, config.objective), found.notes


def _remarks(file: RecordFile) -> list[str]:
    """What the owner should know about the fields and the answers of a file."""
    remarks = []
    if file.unread_fields:
        remarks.append(f"{file.name}: fields not read: {', '.join(file.unread_fields)}")
    chats = [record for record in file.records if isinstance(record, Conversation)]
    count, example = placeholders(chats)
    if count:
        remarks.append(f"{file.name}: {count:,} answers hold a placeholder such as {example}")
    return remarks
