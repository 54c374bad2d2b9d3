"""Reading YAML as people write it: safely, with 1e-5 a number and a repeated key a mistake.

What no sweep needs is refused, with its line: a file that is too large, aliases that multiply, deep
nesting, tags, keys that are no words, control characters and endless numbers.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Hashable
from pathlib import Path

import yaml

from sweeps.base.errors import YamlError

MOST_BYTES = 2**18
"""Of a file. A sweep of a thousand first points has half of that."""

MOST_DEPTH = 32
MOST_NODES = 50_000
"""Values, counting what an alias stands for wherever it stands."""

LONGEST_TEXT = 10_000
LONGEST_NUMBER = 40

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes 1e-5 for text, off for a boolean and 12:30 for 750; people mean a number, a
    word and a text. A date is a text as well: nothing of a sweep is a date.
    """

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
        """An alias counts as all that it stands for, so that a few lines cannot mean billions."""
        if node is None or id(node) in self._sizes:
            return
        if isinstance(event, yaml.AliasEvent):
            raise _mistake(f"the alias *{event.anchor} stands inside of what it names", event)
        size = 1 + sum(self._sizes[id(each)] for each in _children(node))
        if size > MOST_NODES:
            raise _mistake(
                f"holds more than {MOST_NODES:,} values with its aliases written out", event
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
    for key_node, _ in node.value:
        if key_node.tag == f"{_TAG}merge":
            continue
        if not isinstance(key_node, yaml.ScalarNode):
            raise _mistake("a key must be a plain word", key_node)
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            raise _mistake(f"the key {key_node.value} is no word; put it in quotes", key_node)
        if key in seen:
            raise _mistake(f"the key {key!r} is there twice", key_node)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    if len(node.value) > LONGEST_NUMBER:
        raise _mistake(f"a number of {len(node.value):,} characters", node)
    is_int = node.tag == f"{_TAG}int"
    return (loader.construct_yaml_int if is_int else loader.construct_yaml_float)(node)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor(f"{_TAG}int", _number)
_Loader.add_constructor(f"{_TAG}float", _number)


def read_yaml(path: Path) -> dict[str, object]:
    """The mapping in a YAML file; YamlError where it is none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise YamlError(f"{path}: is no regular file; save it as one")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise YamlError(f"{path}: there is no such file") from None
    except OSError as error:
        raise YamlError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > MOST_BYTES:
        raise YamlError(f"{path}: is larger than {MOST_BYTES // 1024} KiB; is it a sweep file?")
    tree = parse_yaml(_decoded(content, str(path)), str(path))
    if not isinstance(tree, dict):
        raise YamlError(f"{path}: holds no fields; write NAME: VALUE lines")
    return tree


def parse_yaml(text: str, where: str) -> object:
    """The value that `text` denotes; YamlError names `where` and the line."""
    # Not chained: the parser's own message repeats the line, which may hold a password.
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"{where}{line}: {said}") from None
    except yaml.reader.ReaderError as error:
        line = f", line {text.count(chr(10), 0, error.position) + 1}"
        raise YamlError(f"{where}{line}: {_character(error.character)} is not text") from None


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise YamlError(
            f"{where}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8 text"
        ) from None


# Escapes such as "\0" and "\e" can write what YAML itself does not let through.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _check(event: yaml.Event) -> None:
    if tag := getattr(event, "tag", None):
        shown = tag.replace(_TAG, "!!")
        raise _mistake(f"the tag {shown} is not read; write the plain value", event)
    if not isinstance(event, yaml.ScalarEvent):
        return
    if len(event.value) > LONGEST_TEXT:
        raise _mistake(f"a text of {len(event.value):,} characters", event)
    if found := _NO_TEXT.search(event.value):
        raise _mistake(f"{_character(ord(found[0]))} is not text", event)


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
