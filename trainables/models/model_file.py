"""Checks of one file in a model's folder before transformers reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from trainables.core.errors import ModelError

_POINTER = b"version https://git-lfs"

_NO_FILE: Mapping[bytes, tuple[str, str]] = {
    _POINTER: ("is a Git LFS pointer", "run `git lfs pull` there"),
    b"<!": ("is a web page instead of the file", "download the file itself"),
    b"<html": ("is a web page instead of the file", "download the file itself"),
}
"""First bytes of the remains of failed downloads."""

_MOST_BYTES = 2**28
"""Maximum size of a JSON file. A tokenizer of 260,000 tokens has an eighth of that."""


def check_start(file: Path) -> None:
    """ModelError if it is not a file, or begins like the remains of a failed download."""
    if not file.is_file():
        raise ModelError(f"model: {file} is not a regular file; download it again")
    with file.open("rb") as stream:
        start = stream.read(64)
    for sign, (what, remedy) in _NO_FILE.items():
        if start.lstrip()[: len(sign)].lower() == sign:
            raise ModelError(f"model: {file} {what}; {remedy}")


def is_pointer(file: Path) -> bool:
    """Whether it is a Git LFS pointer, in place of a file that has not been downloaded."""
    with file.open("rb") as stream:
        return stream.read(len(_POINTER)) == _POINTER


def read(file: Path) -> dict[str, JsonValue]:
    """The mapping in a JSON file of the model."""
    check_start(file)
    if file.stat().st_size > _MOST_BYTES:
        most = f"{_MOST_BYTES // 2**20} MiB"
        raise ModelError(f"model: {file} is larger than the limit of {most}; download it again")
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        why = f"model: {file} is not valid JSON ({error}); download it again"
        raise ModelError(why) from error
    if not isinstance(tree, dict):
        raise ModelError(f"model: {file} must hold a mapping; download it again")
    return tree


def strings(tree: JsonValue) -> Iterator[str]:
    """All strings in a value; an auto_map's values are strings or lists of them."""
    nodes = [tree]  # no recursion: nesting may be as deep as Python can read
    while nodes:
        node = nodes.pop()
        if isinstance(node, str):
            yield node
        nodes += children(node)


def children(node: JsonValue) -> list[JsonValue]:
    """The values in a mapping or list."""
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []
