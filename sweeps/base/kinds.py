"""The kinds of one thing, such as samplers: each a file of its own in the thing's folder."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import ClassVar, Protocol, TypeVar


class Named(Protocol):
    """A kind of something, by the name that a sweep file calls it."""

    name: ClassVar[str]


_Kind = TypeVar("_Kind", bound=Named)


def find_kinds(package: str, base: type[_Kind], first: str) -> dict[str, type[_Kind]]:
    """The subclasses of `base` in the modules of `package`, by name: `first`, then in order."""
    folder = import_module(package)
    found: dict[str, type[_Kind]] = {}
    for info in pkgutil.iter_modules(folder.__path__):
        module = import_module(f"{package}.{info.name}")
        for kind in vars(module).values():
            is_own = inspect.isclass(kind) and kind.__module__ == module.__name__
            if is_own and issubclass(kind, base) and kind is not base:
                assert kind.name not in found, f"two kinds are called {kind.name}"
                found[kind.name] = kind
    names = sorted(found, key=lambda name: (name != first, name))
    return {name: found[name] for name in names}
