"""Finds the instances of a class in a package, one file each; there is no list of them."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, TypeVar


class Named(Protocol):
    """A thing with a name in sweep files or metrics."""

    @property
    def name(self) -> str:
        """The name that users write."""
        ...


N = TypeVar("N", bound=Named)


def found_in(package: str, kind: type[N]) -> dict[str, N]:
    """All module-level instances of `kind` in the package, by name, sorted.

    ValueError if two have the same name. Imports all modules of the package, so they must be light.
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
