"""The sets of values of a hyperparameter: Float, Int, Choice.

Bounds are inclusive. Invalid domains are rejected at creation with a DomainError that repeats the
numbers; nothing is adjusted silently.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from search_spaces.problem import DomainError
from search_spaces.values import Value, as_float, as_option, identity, show

EXACT_BELOW = 2**53
"""Whole numbers up to here are exact as floats, which samplers use."""


class _Domain(ABC):
    """The common base of the three domains."""

    __slots__ = ()

    @property
    @abstractmethod
    def cardinality(self) -> int | None:
        """Number of values; None if infinite."""

    @abstractmethod
    def canonical(self, value: object) -> Value:
        """The domain's own spelling of `value`: 0.15 for 0.15000000000000002, 8 for 8.0.

        Raises DomainError if the value is not in the domain.
        """

    @abstractmethod
    def grid(self) -> tuple[Value, ...]:
        """Every value, in order. Raises DomainError if they are infinite."""

    @abstractmethod
    def _position(self, value: Value) -> int:
        """The place of a canonical value in the grid."""

    @abstractmethod
    def _at(self, position: int) -> Value:
        """The value at a place in the grid."""

    def others(self, value: object) -> Iterator[Value]:
        """The other values of a finite domain, nearest in the grid first."""
        count = self.cardinality
        assert count is not None, "an infinite domain has no grid"
        middle = self._position(self.canonical(value))
        for distance in range(1, count):
            for position in (middle + distance, middle - distance):
                if 0 <= position < count:
                    yield self._at(position)

    def contains(self, value: object) -> bool:
        """Whether `value` is in the domain, up to rounding errors."""
        try:
            self.canonical(value)
        except DomainError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Float(_Domain):
    """Real numbers from `low` to `high`.

    `log` searches orders of magnitude evenly; `step` leaves low, low + step, ... up to high.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high") if self.step is None else ("low", "high", "step"):
            number = as_float(getattr(self, name))
            if number is None:
                raise _not_a(self, name, "finite number")
            object.__setattr__(self, name, number)
        _check_bounds(self)
        if self.step is not None:
            _check_step(self, "uniform")
            if self.step < 1e-7 * max(abs(self.low), abs(self.high)):
                raise DomainError(
                    f"{self} has a step too small to distinguish values", "remove step"
                )

    def __str__(self) -> str:
        if self.step is not None and not self.log:
            return f"quantized {show((self.low, self.high, self.step))}"
        return f"{'log_uniform' if self.log else 'uniform'} {show((self.low, self.high))}"

    @property
    def cardinality(self) -> int | None:
        if self.low == self.high:
            return 1
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    def canonical(self, value: object) -> float:
        number = as_float(value)
        if number is None:
            raise _outside(self, value)
        nearest = self._nearest(number)
        slack = 1e-12 * max(abs(self.low), abs(self.high)) if self.step is None else self.step / 1e6
        if abs(number - nearest) > slack:
            raise _outside(self, value)
        return nearest

    def grid(self) -> tuple[float, ...]:
        if self.cardinality is None:
            raise DomainError(
                f"{self} is continuous and cannot be enumerated", "give it a step, or use choice"
            )
        return tuple(self._at(position) for position in range(self.cardinality))

    def _nearest(self, number: float) -> float:
        within = min(max(number, self.low), self.high)
        return within if self.step is None else self._at(round((within - self.low) / self.step))

    def _position(self, value: Value) -> int:
        assert isinstance(value, float)
        return 0 if self.step is None else round((value - self.low) / self.step)

    def _at(self, position: int) -> float:
        if position == 0:
            return self.low
        # In the user's decimals, so that 0 + 3 * 0.05 is 0.15.
        return float(_decimal(self.low) + position * _decimal(self.step))


@dataclass(frozen=True, slots=True)
class Int(_Domain):
    """Whole numbers from `low` to `high`: low, low + step, ... up to high.

    `log` searches orders of magnitude evenly, and takes no step.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int):
                raise _not_a(self, name, "whole number")
            if abs(number) > EXACT_BELOW:
                raise _not_a(self, name, "number that a sampler keeps exactly (up to 2**53)")
        _check_bounds(self)
        _check_step(self, "int")

    def __str__(self) -> str:
        step = "" if self.step == 1 else f", step {show(self.step)}"
        return f"{'log_int' if self.log else 'int'} {show((self.low, self.high))}{step}"

    @property
    def cardinality(self) -> int:
        return (self.high - self.low) // self.step + 1

    def canonical(self, value: object) -> int:
        number = as_float(value)
        if number is None or not number.is_integer():
            raise _outside(self, value)
        whole = int(number)
        if not self.low <= whole <= self.high or (whole - self.low) % self.step:
            raise _outside(self, value)
        return whole

    def grid(self) -> tuple[int, ...]:
        return tuple(range(self.low, self.high + 1, self.step))

    def _position(self, value: Value) -> int:
        assert isinstance(value, int)
        return (value - self.low) // self.step

    def _at(self, position: int) -> int:
        return self.low + position * self.step


@dataclass(frozen=True, slots=True, eq=False)
class Choice(_Domain):
    """One of `options`: None, booleans, numbers, texts, or tuples of these; no order is assumed.

    True is not 1 here, though they are equal in Python. Since they are equal to samplers, too, they
    cannot be options of the same choice.
    """

    options: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.options, tuple):
            raise DomainError(f"choice {show(self.options)} is not a tuple of options")
        if not self.options:
            raise DomainError("choice [] has no options", "list at least one")
        for option in self.options:
            checked_option(option)
        _check_distinct(self.options)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        return identity(self.options) == identity(other.options)

    def __hash__(self) -> int:
        return hash(identity(self.options))

    def __str__(self) -> str:
        return f"choice {show(self.options)}"

    @property
    def cardinality(self) -> int:
        return len(self.options)

    def canonical(self, value: object) -> Value:
        sought = identity(as_option(value))
        for option in self.options:
            if identity(option) == sought:
                return option
        raise _outside(self, value)

    def grid(self) -> tuple[Value, ...]:
        return self.options

    def _position(self, value: Value) -> int:
        return [identity(option) for option in self.options].index(identity(value))

    def _at(self, position: int) -> Value:
        return self.options[position]


Domain = Float | Int | Choice


def _decimal(number: float | None) -> Fraction:
    return Fraction(str(number))


def _not_a(domain: Float | Int, name: str, wanted: str) -> DomainError:
    return DomainError(f"{domain} has a {name} of {show(getattr(domain, name))}, not a {wanted}")


def _outside(domain: Domain, value: object) -> DomainError:
    return DomainError(f"{show(value)} is not in {domain}")


def _check_bounds(domain: Float | Int) -> None:
    if domain.low > domain.high:
        raise DomainError(f"{domain} has low above high", "swap them")
    if not math.isfinite(domain.high - domain.low):
        raise DomainError(f"{domain} spans more than the largest number", "narrow its bounds")
    if domain.log and domain.low <= 0:
        raise DomainError(f"{domain} has a low of {show(domain.low)}", "a log scale starts above 0")


def _check_step(domain: Float | Int, linear: str) -> None:
    step, low, high = map(_decimal, (domain.step, domain.low, domain.high))
    if step <= 0:
        raise DomainError(f"{domain} has a step of {show(domain.step)}", "make it positive")
    if domain.log and (isinstance(domain, Float) or domain.step != 1):
        raise DomainError(
            f"{domain} has a step of {show(domain.step)} on a log scale",
            f"remove it, or use {linear}",
        )
    if (high - low) % step:
        below = (high - low) // step * step + low
        near = (top for top in (below, below + step) if top <= sys.float_info.max)
        tops = (show(type(domain.high)(top)) for top in near)
        raise DomainError(
            f"{domain} does not reach its high in whole steps", f"make high {' or '.join(tops)}"
        )


def checked_option(option: object) -> Value:
    """`option` unchanged; DomainError if it is invalid as an option of a choice."""
    if isinstance(option, tuple):
        return tuple(map(checked_option, option))
    if isinstance(option, float) and not math.isfinite(option):
        raise DomainError(f"choice has the option {show(option)}", "options must be finite")
    if option is None or isinstance(option, bool | int | float | str):
        return option
    raise DomainError(
        f"choice has the option {show(option)} of type {type(option).__name__}",
        "options are null, true, false, numbers, strings, or lists of these",
    )


def _check_distinct(options: tuple[Value, ...]) -> None:
    seen: dict[Value, Value] = {}
    for option in options:
        if option in seen:
            raise DomainError(
                f"choice {show(options)} lists {show(seen[option])} and {show(option)}, "
                "which are equal",
                "keep one of them",
            )
        seen[option] = option
