"""The axis of a searched parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from search_spaces.domains import Choice
from search_spaces.values import as_float, as_option, identity
from sweeps.display.parameters import show_value
from sweeps.page.figures.figure import Json, Layout, axis, plain
from sweeps.verdict.results import Results

_ORDERS = 30.0
"""Ratio of largest to smallest value from which a parameter of unknown scale gets a log axis."""


@dataclass(frozen=True)
class Scale:
    """A parameter's axis: numbers, evenly or by orders of magnitude, or one place per option."""

    name: str
    log: bool
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, results: Results, name: str) -> Self:
        """From the space and the tried values; without a space from the values alone."""
        searched = results.spec is not None and name in results.spec.space
        domains = results.spec.space[name].domains if results.spec and searched else ()
        tried = [record.params[name] for record in results.trials if name in record.params]
        options = [
            each for domain in domains if isinstance(domain, Choice) for each in domain.options
        ]
        if options or not _are_numbers(tried):
            return cls(name, False, _ordered([*options, *tried]))
        if domains:
            return cls(name, any(getattr(domain, "log", False) for domain in domains))
        numbers = [as_float(value) or 0.0 for value in tried]
        return cls(name, min(numbers) > 0 and max(numbers) > _ORDERS * min(numbers))

    def place(self, value: object) -> Json:
        """The value on a chart's axis."""
        return plain(show_value(value, 17)) if self.options else as_float(value)

    def axis(self) -> Layout:
        """The chart's axis."""
        if self.options:
            order: list[Json] = list(self.options)
            kind: Layout = {"type": "category", "categoryorder": "array", "categoryarray": order}
            return axis(self.name, **kind)
        return axis(self.name, type="log" if self.log else "linear")


def _are_numbers(values: Sequence[object]) -> bool:
    return all(as_float(value) is not None for value in values)


def _ordered(options: Sequence[object]) -> tuple[str, ...]:
    """The distinct options as text: numbers by size, others in their order."""
    distinct = list({identity(as_option(option)): option for option in options}.values())
    if _are_numbers(distinct):
        distinct.sort(key=lambda option: as_float(option) or 0.0)
    return tuple(dict.fromkeys(plain(show_value(option, 17)) for option in distinct))
