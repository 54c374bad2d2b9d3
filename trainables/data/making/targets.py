"""What a classifier predicts: one of several labels, any number of them, or a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np

from trainables.core.data_error import DataError, listing
from trainables.core.label import doubtful, key, number, unlike_in_case
from trainables.data.records.records import Labelled
from trainables.data.tokens.examples import LabelValue
from trainables.objectives.classification import ClassificationConfig, Target

NUMBER_NAME = "score"
"""The name of a regression's only output."""

FEW_VALUES = 10
"""Numbers with fractions are taken for a regression's only if they have more values than this."""


@dataclass(frozen=True)
class Targets:
    """The kind of target, the names of the model's outputs in order, and notes for the user."""

    kind: Target
    names: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def value(self, label: str | tuple[str, ...]) -> LabelValue | None:
        """A label as an example holds it; None if one of its names is unknown."""
        if self.kind == "regression":
            return number(label) if isinstance(label, str) else None
        if self.kind == "single_label" and isinstance(label, tuple):
            return None
        places = [self._place(name) for name in as_names(label)]
        known = [place for place in places if place is not None]
        if len(known) < len(places):
            return None
        if self.kind == "single_label":
            return float(known[0])
        marks = np.zeros(len(self.names), dtype=np.bool_)
        marks[known] = True
        return marks

    def stratum(self, value: LabelValue) -> int:
        """The class for a split in proportion; of several labels, the rarest."""
        if isinstance(value, float):
            return 0 if self.kind == "regression" else int(value)
        marked = np.flatnonzero(value).tolist()
        return 1 + min(marked, key=self._count) if marked else 0

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """The output of each name, also as others may write it."""
        written = {name: place for place, name in enumerate(self.names)}
        return {**{key(name): place for name, place in written.items()}, **written}

    def _place(self, name: str) -> int | None:
        return self._places.get(name, self._places.get(key(name)))

    def _count(self, place: int) -> int:
        return self.counts.get(self.names[place], 0)


def targets_of(
    train: Iterable[Labelled],
    held_out: Iterable[Labelled],
    settings: ClassificationConfig,
    skip: bool = False,
) -> Targets:
    """The targets of these records; DataError if they are doubtful, or a record does not fit.

    With `skip`, records that do not fit are left to be dropped.
    """
    learned, measured = _useful(train), _useful(held_out)
    kind = settings.target if settings.target != "auto" else _kind(learned, settings, skip)
    if kind == "regression":
        if not skip:
            _check_numbers((*learned, *measured))
        return Targets(kind, (NUMBER_NAME,), notes=_said(kind, settings))
    if kind == "single_label" and not skip:
        _check_single((*learned, *measured))
    elif settings.labels is None:
        _check_vectors(learned)
    several = kind == "multi_label"
    fit = [each for each in learned if several or isinstance(each.label, str)]
    names = settings.labels or _names(fit)
    counts = Counter(name for record in learned for name in as_names(record.label))
    notes = (*_said(kind, settings), *_alike(names))
    targets = Targets(kind, tuple(names), counts, notes)
    if not skip:
        declared = settings.labels is not None
        _check_known(chain(learned if declared else (), measured), targets, declared)
    if len(names) < (2 if kind == "single_label" else 1):
        raise _one_class(names)
    return targets


def as_names(label: str | tuple[str, ...]) -> tuple[str, ...]:
    """The names in a label."""
    return label if isinstance(label, tuple) else (label,)


def ordered(names: Iterable[str]) -> list[str]:
    """In numerical order if all are numbers, else alphabetically."""
    listed = sorted(names)
    numbers = [number(name) for name in listed]
    if any(value is None for value in numbers):
        return listed
    return sorted(listed, key=float)


def _useful(records: Iterable[Labelled]) -> list[Labelled]:
    return [record for record in records if record.reason_to_drop() is None]


def _kind(records: Sequence[Labelled], settings: ClassificationConfig, skip: bool) -> Target:
    """The kind that the labels show, with `skip` most of them; DataError if they leave a doubt."""
    lists = [record for record in records if isinstance(record.label, tuple)]
    if settings.delimiter is not None or len(lists) == len(records) > 0:
        return "multi_label"
    if lists and skip:
        return "multi_label" if 2 * len(lists) > len(records) else "single_label"
    if lists:
        other = next(record for record in records if isinstance(record.label, str))
        raise DataError(
            f"{lists[0].where}: label is the list {list(lists[0].label)}, and that of "
            f"{other.where} is {other.label!r}; write lists in all rows, or set "
            "classification.target: multi_label"
        )
    fractions = [record for record in records if _has_fraction(record)]
    if settings.labels is not None or not fractions:
        return "single_label"
    return _kind_with_fractions(records, fractions[0])


def _kind_with_fractions(records: Sequence[Labelled], first: Labelled) -> Target:
    values = {name for record in records for name in as_names(record.label)}
    words = sorted(name for name in values if number(name) is None)
    if not words and len(values) > FEW_VALUES:
        return "regression"
    held = f"words beside it ({listing(words)})" if words else listing(ordered(values), 10)
    raise DataError(
        f"{first.where}: label {first.label} has a fraction, and the train files hold {held}; set "
        "classification.target to regression (numbers) or single_label (names of classes)"
    )


def _has_fraction(record: Labelled) -> bool:
    value = number(record.label) if isinstance(record.label, str) else None
    return value is not None and not value.is_integer()


def _names(records: Iterable[Labelled]) -> tuple[str, ...]:
    """Each label once, as written first; DataError if some may mean the same."""
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    for record in records:
        for name in as_names(record.label):
            first.setdefault(found.setdefault(key(name), name), record.where)
    if unsure := doubtful(found.values()):
        raise DataError(
            f"{first[unsure[1]]}: label {unsure[1]!r} may mean the same as {unsure[0]!r} (labels: "
            f"{listing(ordered(found.values()), 20)}); write each label in one way, or list them "
            "in classification.labels"
        )
    names = [key(name) if number(name) is not None else name for name in found.values()]
    return tuple(ordered(names))


def _alike(names: Iterable[str]) -> list[str]:
    alike = unlike_in_case(names)
    return [f"labels that differ only in case: {listing(alike, 20)}"] if alike else []


def _said(kind: Target, settings: ClassificationConfig) -> tuple[str, ...]:
    """A note about a kind that was not asked for."""
    if settings.target != "auto" or kind == "single_label":
        return ()
    why = {
        "multi_label": "several labels for a text",
        "regression": f"labels are numbers with fractions and more than {FEW_VALUES} values",
    }[kind]
    return (f"{why}: classification.target is {kind}",)


def _check_numbers(records: Iterable[Labelled]) -> None:
    for record in records:
        if not isinstance(record.label, str) or number(record.label) is None:
            raise DataError(
                f"{record.where}: label {_shown(record)} is not a number, as "
                "classification.target: regression needs; correct it, or set target: single_label"
            )


def _check_single(records: Iterable[Labelled]) -> None:
    for record in records:
        if isinstance(record.label, tuple):
            raise DataError(
                f"{record.where}: label is the list {_shown(record)}, and classification.target is "
                "single_label; write one label, or set target: multi_label"
            )


def _check_vectors(records: Sequence[Labelled]) -> None:
    """DataError for one 0 or 1 for each label, which would count as the labels 0 and 1."""
    labels = [as_names(record.label) for record in records]
    widths = {len(label) for label in labels}
    flags = {name for label in labels for name in label} <= {"0", "1"}
    if flags and len(widths) == 1 and any(len(set(label)) < len(label) for label in labels):
        raise DataError(
            f"{records[0].where}: label is {list(labels[0])}, a 0 or 1 for each of "
            f"{widths.pop()} labels; name the labels that apply instead, as in ['price', 'quality']"
        )


def _check_known(records: Iterable[Labelled], targets: Targets, declared: bool) -> None:
    for record in records:
        if targets.value(record.label) is not None:
            continue
        unknown = [n for n in as_names(record.label) if targets.value((n,)) is None]
        among = "classification.labels" if declared else "those of the train files"
        way_out = "add it there" if declared else "add training records for it"
        raise DataError(
            f"{record.where}: label {unknown[0]!r} is not among {among} "
            f"({listing(targets.names, 10)}); correct it, or {way_out}; "
            "--skip-bad-rows skips such rows"
        )


def _shown(record: Labelled) -> str:
    return repr(record.label if isinstance(record.label, str) else list(record.label))


def _one_class(names: Sequence[str]) -> DataError:
    held = f"all records have the label {names[0]!r}" if names else "no record has a label"
    return DataError(
        f"data.train: {held}; classification needs two classes at least, so add records of "
        "another, or name another column as label"
    )
