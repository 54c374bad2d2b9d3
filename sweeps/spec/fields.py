"""The fields of a sweep file: overrides, and both ways of writing a section."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from results.records.uris import redact
from search_spaces import presets
from search_spaces.dotted import at, leaves, replaced, unset
from search_spaces.problem import Problem, SpaceError
from search_spaces.values import Value, show
from sweeps.base.errors import YamlError
from sweeps.spec.yaml_file import parse_yaml
from trainables.config.sections import reads

GROW = ("budget", "slots")
"""Sections whose integers can be increased with `+N`."""

_IN_PLACE_OF = {
    "budget.steps": ("budget.tokens", "budget.epochs"),
    "budget.tokens": ("budget.steps", "budget.epochs"),
    "budget.epochs": ("budget.steps", "budget.tokens"),
    "slots.count": ("slots.max",),
    "slots.max": ("slots.count",),
    "search.metric": ("search.metrics",),
    "search.metrics": ("search.metric", "search.mode"),
}
"""Fields of which a sweep file sets one: an override of one takes the place of the others."""

_CHOSEN_FROM = ("full", "lora", "qlora")
"""The methods that `method: auto` leaves to the launch, which takes what fits."""


def each_method(tree: Mapping[str, object]) -> list[dict[str, object]]:
    """A tree with `method: auto`, with each method that may be chosen in its place."""
    return [{**tree, "method": method} for method in _CHOSEN_FROM]


def readers(methods: Sequence[tuple[str, Collection[str], str]]) -> tuple[str, ...]:
    """Of methods, each with the searched fields and the objective, those that read most of the
    fields: a searched lora.rank leaves full out."""
    unread = {
        method: sum(not reads(name, _chosen(method, objective)) for name in names)
        for method, names, objective in methods
    }
    return tuple(method for method, count in unread.items() if count == min(unread.values()))


def _chosen(method: str, objective: str) -> dict[str, tuple[str, ...]]:
    """A schedule and an optimizer that read all fields of such."""
    return {
        "method": (method,),
        "objective": (objective,),
        "schedule": ("wsd",),
        "optimizer.name": ("adamw",),
    }


def with_overrides(
    tree: Mapping[str, object],
    overrides: Sequence[str],
    before: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """`tree` with each `dotted.key=value` from the command line; the value is read as YAML.

    `+4` adds four to the field's value in `before`, which is `tree` itself unless given.
    """
    given = [_parsed(override, tree if before is None else before) for override in overrides]
    tree = without_alternatives(tree, dict(given))
    for key, value in given:
        tree = changed(tree, key, value)
    return tree


def place_of(path: Path, overrides: Sequence[str], refused: str | None) -> str:
    """What the messages on a spec call it: its file and the options that changed it, `--name` if
    its name is refused."""
    fields = ", ".join(override.partition("=")[0] for override in overrides)
    options = [f"--set {fields}"] * bool(fields) + ["--name"] * (refused is not None)
    return f"{path} with {' and '.join(options)}" if options else str(path)


def without_alternatives(
    tree: Mapping[str, object], changes: Mapping[str, object]
) -> dict[str, object]:
    """`tree` without the fields whose place the changes take; null takes no place.

    Two changes that exclude each other stay a mistake, which the check of the spec tells.
    """
    kept = dict(tree)
    for name, value in changes.items():
        for other in _IN_PLACE_OF.get(name, ()) if value is not None else ():
            kept = unset(kept, other)
    return kept


def _parsed(override: str, before: Mapping[str, object]) -> tuple[str, object]:
    """The field and its value."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise YamlError(f"--set {override!r}: write --set key=value, e.g. --set budget.trials=8")
    value = parse_yaml(text, f"--set {key}")
    if text.lstrip().startswith("+") and isinstance(value, int | float):
        value = _grown(before, key, value)
    return key, value


def _grown(tree: Mapping[str, object], key: str, more: float) -> int:
    """The value of the field plus `more`; YamlError if it cannot be increased."""
    what = f"--set {key}=+{more}"
    if key.partition(".")[0] not in GROW:
        raise YamlError(
            f"{what}: only integers in {' and '.join(GROW)} can be increased; write the value "
            f"itself, e.g. --set {key}={more}"
        )
    now = leaves(tree).get(key)
    if not isinstance(more, int):
        raise YamlError(
            f"{what}: the increase must be an integer, got {more}; write the new value of {key}"
        )
    if isinstance(now, bool) or not isinstance(now, int):
        is_what = "is not set in the sweep file" if now is None else f"is {show(now)}"
        raise YamlError(f"{what}: {key} {is_what}; write its new value")
    return now + more


def changed(tree: Mapping[str, object], key: str, value: object) -> dict[str, object]:
    """`tree` with the field of that dotted name set; all after `space.` is one name."""
    if "." in key and key in tree:
        return {**tree, key: value}  # the file has this dotted name
    section, _, name = key.partition(".")
    if section == "space" and name:
        return {**tree, "space": {**_searched(tree.get("space"), key), name: value}}
    _check_sections(tree, key)
    return replaced(tree, key, value)


def set_twice(tree: Mapping[str, object]) -> list[str]:
    """Dotted names that are also set inside their section."""
    nested = leaves({key: value for key, value in tree.items() if "." not in str(key)})
    return [str(key) for key in tree if "." in str(key) and key in nested]


def undotted(tree: Mapping[str, object]) -> dict[str, object]:
    """`lora.rank: 8` at the top level means the same as `lora: {rank: 8}`."""
    plain = {key: value for key, value in tree.items() if "." not in str(key)}
    for key, value in tree.items():
        if "." in str(key):
            plain = changed(plain, str(key), value)
    return plain


def nested(tree: Mapping[str, object]) -> Mapping[str, object]:
    """The same file with each dotted name inside its section, as all that reads a spec expects it.
    One with names that are set twice stays as it is, and the check of the spec tells of them."""
    with suppress(YamlError):
        return tree if set_twice(tree) else undotted(tree)
    return tree


def _searched(space: object, key: str) -> Mapping[str, object]:
    """The entries of the space so far."""
    if isinstance(space, str):
        return {"preset": space}
    if isinstance(space, Mapping | None):
        return space or {}
    raise _without_fields(key, "space", space)


def _check_sections(tree: Mapping[str, object], key: str) -> None:
    """YamlError if a section on the way to `key` is a plain value."""
    parts = key.split(".")
    for end in range(1, len(parts)):
        section = ".".join(parts[:end])
        inner = at(tree, section)
        if not isinstance(inner, Mapping | None):
            raise _without_fields(key, section, inner)


def _without_fields(key: str, section: str, value: object) -> YamlError:
    return YamlError(
        f"{key} cannot be set: {section} is {redact(repr(value))}, which has no fields"
    )


def with_preset(
    tree: object, fields: Mapping[str, object]
) -> tuple[object, Sequence[Mapping[str, Value]]]:
    """The tree of `space: lora`, or of `space: {preset: lora, ...}` with the user's entries, and
    the preset's points."""
    if tree is None or tree == {}:
        remedy = "write NAME: DOMAIN lines, or space: lora for a preset"
        raise SpaceError([Problem("", "is missing", remedy)])
    if isinstance(tree, str):
        tree = {"preset": tree}
    if not isinstance(tree, Mapping) or "preset" not in tree:
        return tree, ()
    preset = presets.load(str(tree["preset"]))
    own = {key: value for key, value in tree.items() if key != "preset"}
    fixed = leaves(fields)
    return presets.overlay(preset.space, own, fixed), preset.points_under(fixed)
