"""Dotted names in nested mappings: `lora.rank` is the `rank` inside `lora`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def joined(*parts: object) -> str:
    """The parts as one dotted name; empty ones are left out."""
    return ".".join(filter(None, map(str, parts)))


def leaves(
    tree: Mapping[str, object], prefix: str = "", *, keep_empty: bool = False
) -> dict[str, object]:
    """Every value that is not a mapping, by its dotted name, in the order of the tree.

    An empty mapping has no leaves; with `keep_empty` it is one itself.
    """
    found: dict[str, object] = {}
    for key, value in tree.items():
        name = joined(prefix, key)
        if isinstance(value, Mapping) and (value or not keep_empty):
            found |= leaves(value, name, keep_empty=keep_empty)
        else:
            found[name] = value
    return found


def at(tree: object, name: str) -> object:
    """The value of that name; None if there is none."""
    for part in name.split("."):
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def holds(tree: object, name: str) -> bool:
    """Whether the name is set, in its section or as a dotted key."""
    if not isinstance(tree, Mapping):
        return False
    head, _, rest = name.partition(".")
    return name in tree or (bool(rest) and holds(tree.get(head), rest))


def unset(tree: Mapping[str, object], name: str) -> dict[str, object]:
    """A copy without that name, in its section and as a dotted key."""
    return without(without(tree, [name]), name.split("."))


def replaced(tree: Mapping[str, object], name: str, value: object) -> dict[str, object]:
    """A copy with that name set; missing sections are created. `tree` stays unchanged."""
    head, _, rest = name.partition(".")
    if not rest:
        return {**tree, head: value}
    section = tree.get(head)
    inner = section if isinstance(section, Mapping) else {}
    return {**tree, head: replaced(inner, rest, value)}


def without(tree: Mapping[str, object], path: Sequence[object]) -> dict[str, object]:
    """A copy without the value at `path`, whose parts may contain dots."""
    head, *rest = path
    if not rest:
        return {key: value for key, value in tree.items() if key != head}
    return {
        key: without(value, rest) if key == head and isinstance(value, Mapping) else value
        for key, value in tree.items()
    }
