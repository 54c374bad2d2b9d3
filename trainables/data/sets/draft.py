"""All sets of a trial in memory, with their counts; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from trainables.config.data import DataConfig
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.making.chosen import chosen
from trainables.data.making.preferences import with_others
from trainables.data.records.conversation import Conversation
from trainables.data.records.record_file import RecordFile
from trainables.data.records.records import Document, Record
from trainables.data.rendering.remarks import notes
from trainables.data.sets.lengths import length_notes
from trainables.data.sets.looked_up import chats_of, looked_up
from trainables.data.sets.makers import (
    counted_names,
    in_parts,
    language,
    maker,
    output_names,
    targets_for,
)
from trainables.data.sets.overlap import Overlap
from trainables.data.sets.shares import Shares, Sides, share_documents, share_items
from trainables.data.sets.sources import Sources
from trainables.data.sets.summary import FileCounts, Side, Summary
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Drop, Item, Made, counted, firsts, key, usable
from trainables.data.tokens.texts import DECODER, TextForm
from trainables.data.tokens.tokenizer import Tokenizer
from trainables.objectives.classification import Target

FURTHER = ("general", "mix")
"""Sets with files of their own, of chats or text."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The examples of each set, and the counts for the summary.

    `asked` are the chats of the sets for which answers can be generated: the measured ones, and the
    training set of an objective that answers it; `shown` are the training chats without anything
    looked up, which can be examples in prompts.
    """

    sides: Sides[list[Example]]
    files: tuple[FileCounts, ...]
    duplicates: int
    truncated: int = 0
    labels: tuple[str, ...] = ()
    target: Target | None = None
    counted_as: tuple[str, ...] = ()
    further: Mapping[str, list[Example]] = field(default_factory=dict)
    asked: Mapping[str, list[Conversation]] = field(default_factory=dict)
    shown: Sequence[Conversation] = ()
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)
    too_long: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def summary(self, sources: Sources, length: int, notes: tuple[str, ...]) -> Summary:
        """The counts of this draft of `sources`, at `length` tokens per sequence."""
        sets = {name: Side.of(each, self.counted_as) for name, each in self.sets().items()}
        return Summary(
            sets=sets,
            files=self.files,
            max_length=length,
            duplicates=self.duplicates,
            truncated=self.truncated,
            labels=self.labels,
            target=self.target,
            overlaps=self.overlaps,
            notes=(*notes, *sources.notes, *self.too_long, *self._overlap_notes(), *self.notes),
        )

    def _overlap_notes(self) -> Iterator[str]:
        for name, overlap in self.overlaps.items():
            yield overlap.note(name)

    def sets(self) -> dict[str, list[Example]]:
        """The non-empty sets, by name."""
        named = {**self.sides._asdict(), **self.further}
        return {name: examples for name, examples in named.items() if examples}


def draft(
    sources: Sources,
    config: TrialConfig,
    tokenizer: Tokenizer,
    length: int,
    progress: Progress = NO_PROGRESS,
    form: TextForm = DECODER,
) -> Draft:
    """Sequences of at most `length` tokens; DataError if a set stays empty."""
    assert config.data is not None, "an objective with data"
    if config.objective == "clm":
        made = _draft_documents(sources, config, tokenizer, length, progress)
    else:
        made = _draft_records(sources, config, tokenizer, length, progress, form)
    made = _with_further(made, sources, config.data, tokenizer, length, progress)
    made = _with_overlaps(made)
    wanted = {"train": True, "validation": True, "test": config.data.test is not None}
    wanted |= {name: bool(getattr(sources, name)) for name in FURTHER}
    for side in (name for name, asked in wanted.items() if asked):
        if side not in made.sets():
            dropped = made.summary(sources, length, ()).dropped
            reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
            longer = "; ".join(made.too_long)
            raise DataError(
                f"data.{side}: no usable record ({reasons or 'no records'}); correct the records"
                + (f"; {longer}" if longer else ", or raise data.max_length if they are too long")
            )
    return made


def _draft_records(
    sources: Sources,
    config: TrialConfig,
    tokenizer: Tokenizer,
    length: int,
    progress: Progress,
    form: TextForm,
) -> Draft:
    data = config.data
    assert data is not None, "an objective with data"
    targets = targets_for(config, sources)
    make = maker(config.objective, sources, targets, form)

    def made_of(file: RecordFile) -> Made:
        with progress.phase(f"tokenising {file.name}", len(file.records)) as gauge:
            records = [chosen(record, data) for record in file.records]
            return in_parts(make, records, tokenizer, length, data.bad_rows == "skip", gauge)

    made = Sides(*([made_of(file) for file in side] for side in sources.sides))
    items = Sides(*(list(chain.from_iterable(each.items for each in side)) for side in made))
    everything = list(chain.from_iterable(made))
    named = zip((file.name for file in sources.files), everything, strict=True)
    too_long = length_notes(named, length, data.max_length)
    shares = _shared(items, data, too_long)
    train = chats_of(shares.sides.train)
    if data.retrieve:
        with progress.phase("looking up passages and examples"):
            shares = looked_up(shares, data, sources.knowledge, tokenizer, length)
    finished = with_others if config.objective == "kto" else _examples
    return Draft(
        sides=Sides(*(finished(side, length) for side in shares.sides)),
        files=tuple(
            _counts(file, each.drops) for file, each in zip(sources.files, everything, strict=True)
        ),
        duplicates=shares.duplicates,
        truncated=sum(each.truncated for each in everything),
        labels=output_names(config.objective, targets),
        target=targets.kind if targets else None,
        counted_as=counted_names(config.objective, targets),
        overlaps=shares.overlaps,
        too_long=too_long,
        notes=(
            *shares.notes,
            *_remarks(sources.files, everything),
            *_unanswered(shares.sides),
            *(targets.notes if targets else ()),
        ),
        asked=_asked(shares.sides, config.learns.rolls_out),
        shown=train,
    )


def _unanswered(sides: Sides[list[Item]]) -> Iterator[str]:
    """A note for each set with prompts that have no answer."""
    for name, items in sides._asdict().items():
        bare = sum(not item.chat.answered for item in items if item.chat)
        if bare:
            note = f"{bare:,} of {len(items):,} {name} prompts have no answer"
            yield note if name == "train" else f"{note}, so their loss is not measured"


def _asked(sides: Sides[list[Item]], rolls_out: bool) -> dict[str, list[Conversation]]:
    """The chats of the measured sets, and of the training set if it is answered in training; none
    for an objective that does not learn chats."""
    measured = {"validation": sides.validation, "test": sides.test}
    asked = {"train": sides.train, **measured} if rolls_out else measured
    chats = {name: chats_of(items) for name, items in asked.items()}
    return {name: found for name, found in chats.items() if found}


def _shared(items: Sides[list[Item]], data: DataConfig, too_long: Sequence[str]) -> Shares[Item]:
    """The split of the items; DataError, with what is too long, if too few are left for one."""
    try:
        return share_items(items, data)
    except DataError as error:
        raise DataError("; ".join([str(error), *too_long])) from error


def _draft_documents(
    sources: Sources, config: TrialConfig, tokenizer: Tokenizer, length: int, progress: Progress
) -> Draft:
    assert config.data is not None, "an objective with data"
    kept = Sides(*([usable(file.records) for file in side] for side in sources.sides))
    texts = Sides(*([_text(record) for some, _ in side for record in some] for side in kept))
    with progress.phase("tokenising documents", sum(map(len, texts))) as gauge:
        shares = share_documents(texts, config.data, tokenizer, length, gauge)
    drops = [drops for side in kept for _, drops in side]
    return Draft(
        sides=Sides(*([Example((block,)) for block in side] for side in shares.sides)),
        files=tuple(_counts(file, each) for file, each in zip(sources.files, drops, strict=True)),
        duplicates=shares.duplicates,
        overlaps=shares.overlaps,
        notes=shares.notes,
    )


def _with_further(
    made: Draft,
    sources: Sources,
    data: DataConfig,
    tokenizer: Tokenizer,
    length: int,
    progress: Progress,
) -> Draft:
    """The draft with the sets that are not split: each holds all of its files."""
    for name in FURTHER:
        files: tuple[RecordFile, ...] = getattr(sources, name)
        parts = []
        for file in files:
            with progress.phase(f"tokenising {file.name}", len(file.records)) as gauge:
                records = tuple(chosen(record, data) for record in file.records)
                own = replace(file, records=records)
                skip = data.bad_rows == "skip"
                parts.append(language(own, tokenizer, length, skip, gauge))
        items = list(chain.from_iterable(part.items for part in parts))
        counts = (_counts(file, part.drops) for file, part in zip(files, parts, strict=True))
        made = replace(
            made,
            further={**made.further, name: _examples(items, length)},
            files=(*made.files, *counts),
            truncated=made.truncated + sum(part.truncated for part in parts),
            notes=(*made.notes, *_remarks(files, parts)),
        )
    return made


def _with_overlaps(made: Draft) -> Draft:
    """The draft with overlaps between its measured sets and sets with files of their own."""
    sets = made.sets()
    pairs = [("general", "train", "the train files")]
    pairs += [(name, "mix", "data.mix.train") for name in ("validation", "test", "general")]
    overlaps = dict(made.overlaps)
    for measured, learned, where in pairs:
        if measured in sets and learned in sets:
            found = Overlap.of(_keys(sets[measured]), _keys(sets[learned]), where)
            if found.shared > (overlaps[measured].shared if measured in overlaps else 0):
                overlaps[measured] = found
    return replace(made, overlaps=overlaps)


def _keys(examples: Sequence[Example]) -> list[bytes]:
    return [key(*example.sequences) for example in examples]


def _text(record: Record) -> str:
    assert isinstance(record, Document), "clm reads nothing else"
    return record.text


def _remarks(files: Sequence[RecordFile], made: Sequence[Made]) -> list[str]:
    """A note for each unusual way in which chats of a file were rendered."""
    return [
        f"{file.name}: {note}"
        for file, each in zip(files, made, strict=True)
        for note in notes(each.remarks)
    ]


def _examples(items: Sequence[Item], length: int) -> list[Example]:
    return [item.example for item in items]


def _counts(file: RecordFile, drops: Sequence[Drop]) -> FileCounts:
    everything = [*(Drop(row.reason, row.where) for row in file.bad), *drops]
    return FileCounts(
        name=file.name,
        format=file.format.name,
        rows=len(file.records) + len(file.bad),
        dropped=counted(everything),
        first_dropped=firsts(everything),
        adjusted={name: len(places) for name, places in file.adjusted.items()},
    )
