"""YAML as people write it, read safely: 1e-5 is a number and a repeated key is an error.

Everything that no sweep needs is rejected, with its line: large files, aliases that multiply, deep
nesting, tags, keys that are not text, control characters and very long numbers.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Hashable
from pathlib import Path

import yaml

from results.records.uris import redact
from sweeps.base.errors import YamlError
from sweeps.spec.yaml_words import in_plain_words

MOST_BYTES = 2**18
"""Maximum size of a file. A sweep with a thousand first points has half of it."""

MOST_DEPTH = 32
MOST_NODES = 50_000
"""Maximum number of values, with every alias expanded."""

LONGEST_TEXT = 10_000
LONGEST_NUMBER = 40

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Unlike YAML 1.1, it reads 1e-5 as a number, and off, 12:30 and dates as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _mistake(f"is nested more than {MOST_DEPTH} deep", event)
        _check(event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._count(node, event)
        return node

    def _count(self, node: yaml.Node | None, event: yaml.Event) -> None:
        """Count aliases as the values that they expand to: a few lines can stand for billions."""
        if node is None or id(node) in self._sizes:
            return
        if isinstance(event, yaml.AliasEvent):
            raise _mistake(f"the alias *{event.anchor} is inside of the value that it names", event)
        size = 1 + sum(self._sizes[id(each)] for each in _children(node))
        if size > MOST_NODES:
            raise _mistake(
                f"contains more than {MOST_NODES:,} values with its aliases expanded", event
            )
        self._sizes[id(node)] = size


_KEPT = (f"{_TAG}null", f"{_TAG}merge")

_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(true|false)$"), list("tf"))
_Loader.add_implicit_resolver(
    f"{_TAG}int", re.compile(r"^[-+]?(0|[1-9][0-9_]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(
        r"^[-+]?(\d[\d_]*\.[\d_]*([eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+|\.\d+([eE][-+]?\d+)?"
        r"|\.(inf|nan))$"
    ),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, object]:
    seen: set[str] = set()
    for key_node, value_node in node.value:
        if key_node.tag == f"{_TAG}merge":
            continue
        if not isinstance(key_node, yaml.ScalarNode):
            raise _mistake("a key must be plain text", key_node)
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            raise _mistake(f"the key {key_node.value} is not text; put it in quotes", key_node)
        if node.flow_style and _is_key_alone(key_node, value_node):
            name, value = (redact(part) for part in key.split(":", 1))
            raise _mistake(
                f"the key {redact(key)!r} has no value; put a space after the colon: "
                f"{{{name}: {value}}}",
                key_node,
            )
        if key in seen:
            raise _mistake(f"the key {key!r} is repeated; keep one of them", key_node)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _is_key_alone(key: yaml.ScalarNode, value: yaml.Node) -> bool:
    """Whether it is `{a:1}`, which YAML reads as a key 'a:1' without a value."""
    empty = isinstance(value, yaml.ScalarNode) and not value.value and value.style is None
    return empty and key.style is None and ":" in key.value.strip(":")


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    if len(node.value) > LONGEST_NUMBER:
        raise _mistake(
            f"the number has {len(node.value):,} characters, over {LONGEST_NUMBER}", node
        )
    is_int = node.tag == f"{_TAG}int"
    return (loader.construct_yaml_int if is_int else loader.construct_yaml_float)(node)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor(f"{_TAG}int", _number)
_Loader.add_constructor(f"{_TAG}float", _number)


def read_yaml(path: Path) -> dict[str, object]:
    """The mapping in a YAML file; YamlError for anything else."""
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise YamlError(f"{path}: is not a regular file; name one")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise YamlError(f"{path}: the file does not exist") from None
    except OSError as error:
        raise YamlError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > MOST_BYTES:
        raise YamlError(f"{path}: is larger than {MOST_BYTES // 1024} KiB; is it a sweep file?")
    tree = parse_yaml(_decoded(content, str(path)), str(path))
    if not isinstance(tree, dict):
        raise YamlError(f"{path}: contains no fields; write NAME: VALUE lines")
    return tree


def parse_yaml(text: str, where: str) -> object:
    """The value of a YAML text; YamlError names `where` and the line."""
    # Not chained: the parser's own message repeats the line, which may contain a password.
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        began = error.context_mark or mark
        plain = in_plain_words(error.problem or "", began.line + 1 if began else None)
        said = plain or ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"{where}{line}: {said}") from None
    except yaml.reader.ReaderError as error:
        line = f", line {text.count(chr(10), 0, error.position) + 1}"
        raise YamlError(f"{where}{line}: {_character(error.character)} is not allowed") from None


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise YamlError(
            f"{where}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8 text"
        ) from None


# Escapes such as "\0" and "\e" can write characters that YAML itself rejects.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _check(event: yaml.Event) -> None:
    if tag := getattr(event, "tag", None):
        shown = tag.replace(_TAG, "!!")
        raise _mistake(f"tags such as {shown} are not supported; write the plain value", event)
    if not isinstance(event, yaml.ScalarEvent):
        return
    if len(event.value) > LONGEST_TEXT:
        raise _mistake(
            f"the text has {len(event.value):,} characters, over {LONGEST_TEXT:,}", event
        )
    if found := _NO_TEXT.search(event.value):
        raise _mistake(f"{_character(ord(found[0]))} is not allowed", event)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _character(code: int) -> str:
    return f"the character U+{code:04X}"


def _mistake(message: str, at: yaml.Node | yaml.Event) -> yaml.MarkedYAMLError:
    mark = at.start_mark
    assert isinstance(mark, yaml.Mark | None), "the parser in Python marks in Python"
    return yaml.MarkedYAMLError(problem=message, problem_mark=mark)
