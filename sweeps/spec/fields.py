"""A sweep file's tree of fields: dotted names, overrides, and both ways of writing a section."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from results.records.uris import redact
from search_spaces.values import as_float, show
from sweeps.base.errors import YamlError
from sweeps.spec.yaml_file import parse_yaml

GROW = ("budget", "slots")
"""Sections whose whole numbers can be added to."""


def with_override(
    tree: Mapping[str, Any], override: str, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`tree` with one `dotted.key=value` from the command line; the value is read as YAML.

    `+4` is four more than the field is in `before`, which is `tree` itself unless given.
    """
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise YamlError(f"--set {override!r}: write --set key=value, e.g. --set budget.trials=8")
    value = parse_yaml(text, f"--set {key}")
    if text.lstrip().startswith("+") and as_float(value) is not None:
        value = _grown(tree if before is None else before, key, value)
    return changed(tree, key, value)


def _grown(tree: Mapping[str, Any], key: str, more: float) -> int:
    """The field with so much added to it; YamlError where it does not grow."""
    what = f"--set {key}=+{more}"
    if key.partition(".")[0] not in GROW:
        raise YamlError(
            f"{what}: only whole numbers of {' and '.join(GROW)} can be added to; write the value "
            f"itself, e.g. --set {key}={more}"
        )
    now = dotted(tree).get(key)
    if not isinstance(more, int):
        raise YamlError(f"{what}: {more} is no whole number; write the value that {key} is to have")
    if isinstance(now, bool) or not isinstance(now, int):
        is_what = "is not set in the sweep file" if now is None else f"is {show(now)}"
        raise YamlError(f"{what}: {key} {is_what}; write the value that it is to have")
    return now + more


def changed(tree: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """`tree` with the field of that dotted name set. What follows `space.` is one name."""
    copied = copy.deepcopy(dict(tree))
    if "." in key and key in copied:
        copied[key] = value  # the file has it by this name
    else:
        _put(copied, key.split("."), value)
    return copied


def set_twice(tree: Mapping[str, Any]) -> list[str]:
    """Dotted names that are also set inside their section."""
    nested = dotted({key: value for key, value in tree.items() if "." not in str(key)})
    return [str(key) for key in tree if "." in str(key) and key in nested]


def undotted(tree: Mapping[str, Any]) -> dict[str, Any]:
    """`lora.rank: 8` at the top level means the same as `lora: {rank: 8}`."""
    plain: dict[str, Any] = {key: value for key, value in tree.items() if "." not in str(key)}
    for key, value in tree.items():
        if "." in str(key):
            _put(plain, str(key).split("."), value)
    return plain


def dotted(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= dotted(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    head, *rest = path
    if not rest:
        tree[head] = value
        return
    inner = tree.get(head)
    if head == "space":
        rest = [".".join(rest)]
        inner = {"preset": inner} if isinstance(inner, str) else inner
    if not isinstance(inner, Mapping | None):
        whole = ".".join(path)
        raise YamlError(
            f"{whole} cannot be set: {head} is {redact(repr(inner))}, which has no fields"
        )
    tree[head] = dict(inner or {})
    _put(tree[head], rest, value)
