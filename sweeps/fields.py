"""A sweep file's tree of fields: dotted names, overrides, and both ways of writing a section."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from results.uris import redact
from sweeps.errors import YamlError
from sweeps.yaml_file import parse_yaml


def with_override(tree: Mapping[str, Any], override: str) -> dict[str, Any]:
    """`tree` with one `dotted.key=value` from the command line; the value is read as YAML."""
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise YamlError(f"--set {override!r}: write --set key=value, e.g. --set budget.trials=8")
    return changed(tree, key, parse_yaml(value, f"--set {key}"))


def changed(tree: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """`tree` with the field of that dotted name set. What follows `space.` is one name."""
    copied = copy.deepcopy(dict(tree))
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
