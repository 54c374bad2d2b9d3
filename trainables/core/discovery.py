"""The kinds of a thing that a room holds, one file each: found, not listed."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, TypeVar


class Named(Protocol):
    """Something that a sweep file or a metric calls by a name."""

    @property
    def name(self) -> str:
        """As users write it."""
        ...


N = TypeVar("N", bound=Named)


def found_in(package: str, kind: type[N]) -> dict[str, N]:
    """All instances of `kind` that modules of the package hold at their top, by name, sorted.

    ValueError where two have one name. Imports every module of the package, so these must be light.
    """
    found: dict[str, N] = {}
    for module in iter_modules(import_module(package).__path__):
        for value in vars(import_module(f"{package}.{module.name}")).values():
            if not isinstance(value, kind) or found.get(value.name) is value:
                continue
            if value.name in found:
                raise ValueError(f"{package}: two are called {value.name}; rename one of them")
            found[value.name] = value
    return dict(sorted(found.items()))
