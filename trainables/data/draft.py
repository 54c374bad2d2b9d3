"""All sets of a trial in memory, with what was counted on the way; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from trainables.config import TrialConfig
from trainables.data.errors import DataError
from trainables.data.examples import Example
from trainables.data.items import Drop, Item, counted, firsts, usable
from trainables.data.makers import counted_names, label_names, maker
from trainables.data.preferences import with_others
from trainables.data.record_file import RecordFile
from trainables.data.records import Document, Record
from trainables.data.shares import Sides, share_documents, share_items
from trainables.data.sources import Sources
from trainables.data.summary import FileCounts, Side, Summary
from trainables.data.tokenizer import Tokenizer
from trainables.data_config import DataConfig


@dataclass(frozen=True, slots=True)
class Draft:
    """The examples of each set, and the counts for the summary."""

    sides: Sides[list[Example]]
    files: tuple[FileCounts, ...]
    duplicates: int
    truncated: int = 0
    labels: tuple[str, ...] = ()
    counted_as: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def summary(self, sources: Sources, length: int, notes: tuple[str, ...]) -> Summary:
        """The counts of this draft of `sources`, at `length` tokens a sequence."""
        train, validation, test = (Side.of(side, self.counted_as) for side in self.sides)
        return Summary(
            train=train,
            validation=validation,
            test=test if self.sides.test else None,
            files=self.files,
            max_length=length,
            duplicates=self.duplicates,
            truncated=self.truncated,
            labels=self.labels,
            notes=(*notes, *sources.notes, *self.notes),
        )


def draft(sources: Sources, config: TrialConfig, tokenizer: Tokenizer, length: int) -> Draft:
    """Sequences of at most `length` tokens; DataError where a set stays empty."""
    assert config.data is not None, "an objective with data"
    make = _draft_documents if config.objective == "clm" else _draft_records
    made = make(sources, config, config.data, tokenizer, length)
    wanted = ["train", "validation", *(["test"] if config.data.test is not None else [])]
    for side in wanted:
        if not getattr(made.sides, side):
            dropped = made.summary(sources, length, ()).dropped
            reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
            raise DataError(
                f"data.{side}: no record is left to use ({reasons or 'there were none'}); "
                "mend the records, or raise data.max_length if they are too long"
            )
    return made


def _draft_records(
    sources: Sources, config: TrialConfig, data: DataConfig, tokenizer: Tokenizer, length: int
) -> Draft:
    names = label_names(config.objective, sources)
    make = maker(config.objective, sources, names)
    made = Sides(
        *([make(file.records, tokenizer, length) for file in side] for side in sources.sides)
    )
    items = Sides(*(list(chain.from_iterable(each.items for each in side)) for side in made))
    shares = share_items(items, data)
    finished = with_others if config.objective == "kto" else _examples
    everything = list(chain.from_iterable(made))
    return Draft(
        sides=Sides(*(finished(side, length) for side in shares.sides)),
        files=tuple(
            _counts(file, each.drops) for file, each in zip(sources.files, everything, strict=True)
        ),
        duplicates=shares.duplicates,
        truncated=sum(each.truncated for each in everything),
        labels=names,
        counted_as=counted_names(config.objective, names),
        notes=shares.notes,
    )


def _draft_documents(
    sources: Sources, config: TrialConfig, data: DataConfig, tokenizer: Tokenizer, length: int
) -> Draft:
    kept = Sides(*([usable(file.records) for file in side] for side in sources.sides))
    texts = Sides(*([_text(record) for some, _ in side for record in some] for side in kept))
    shares = share_documents(texts, data, tokenizer, length)
    drops = [drops for side in kept for _, drops in side]
    return Draft(
        sides=Sides(*([Example((block,)) for block in side] for side in shares.sides)),
        files=tuple(_counts(file, each) for file, each in zip(sources.files, drops, strict=True)),
        duplicates=shares.duplicates,
        notes=shares.notes,
    )


def _text(record: Record) -> str:
    assert isinstance(record, Document), "clm reads nothing else"
    return record.text


def _examples(items: Sequence[Item], length: int) -> list[Example]:
    return [item.example for item in items]


def _counts(file: RecordFile, drops: Sequence[Drop]) -> FileCounts:
    return FileCounts(
        name=file.name,
        format=file.format.name,
        rows=len(file.records),
        dropped=counted(drops),
        first_dropped=firsts(drops),
    )
