"""Text and instruction pairs from the sources of the running Python's own standard library.

A pair asks for a docstring's first sentence, given module and signature:

    module json
    def dumps(obj, *, skipkeys=False)       ->  Serialize ``obj`` to a JSON formatted ``str``.

The pretraining text is the same sources without the first paragraph of each function's and class's
docstring. So the base model has seen the names, the code, the comments and the rest of the
documentation, but no question and no answer: a fine-tune has something to learn, and its validation
pairs are as new to the base as its training pairs. (Repetitions in comments stay; sentences such as
"Return the value." occur more than once.)
"""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainables.core.data_error import DataError

# fmt: off
SKIPPED = frozenset([
    "__pycache__", "dist-packages", "distutils", "encodings", "ensurepip", "idlelib", "lib-dynload",
    "lib2to3", "pydoc_data", "site-packages", "test", "tests", "turtledemo",
])
# fmt: on
"""Folders left out: tests, other people's packages, deprecated ones, and tables of numbers."""

SHORTEST, LONGEST = 12, 240
"""Bounds of an answer, in characters."""

LONGEST_SIGNATURE = 300

_SENTENCE = re.compile(r"^.*?[.!?](?=\s+[A-Z`\"'(]|$)(?<!e\.g\.)(?<!i\.e\.)")
_FIRST_PARAGRAPH = re.compile(rb"^([rRuU]?(?:\"\"\"|'''))(.*?)\n[ \t]*\n[ \t\n]*", re.DOTALL)

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Pair:
    """One question and its answer."""

    instruction: str
    output: str

    def record(self) -> dict[str, str]:
        """The pair as an alpaca record."""
        return {"instruction": self.instruction, "output": self.output}


@dataclass(frozen=True, slots=True)
class Source:
    """One module's dotted name and its source."""

    module: str
    text: str


def stdlib_sources(root: Path | None = None) -> list[Source]:
    """The readable modules below `root` (default: the standard library), ordered by path.

    DataError if there are none, as in a Python with byte code only.
    """
    root = root or Path(sysconfig.get_path("stdlib"))
    paths = [path.relative_to(root) for path in root.rglob("*.py")]
    kept = sorted(path for path in paths if not SKIPPED.intersection(path.parts))
    sources = [source for path in kept if (source := _read(root, path)) is not None]
    if not sources:
        raise DataError(
            f"builtin:pydoc needs Python's own sources, but {root} holds none; "
            "install them, or choose another model and data file"
        )
    return sources


def pairs(source: Source) -> Iterator[Pair]:
    """The pairs of a module, in the order of its lines; none if it does not parse."""
    tree = _parsed(source.text)
    for owners, node in _documented(tree, ()) if tree else ():
        answer = first_sentence(ast.get_docstring(node) or "")
        lines = [f"module {source.module}", *(f"class {owner}" for owner in owners)]
        signature = _signature(node)
        if answer and len(signature) <= LONGEST_SIGNATURE:
            yield Pair("\n".join([*lines, signature]), answer)


def pretraining_text(source: Source) -> str:
    """The source without the first paragraph of any docstring of a function or class."""
    tree = _parsed(source.text)
    raw = source.text.encode()
    starts = _line_starts(raw)
    nodes = [node for _, node in _documented(tree, ())] if tree else []
    for literal in sorted(map(_docstring, nodes), key=lambda each: each.lineno, reverse=True):
        assert literal.end_lineno is not None and literal.end_col_offset is not None
        begin = starts[literal.lineno - 1] + literal.col_offset
        end = starts[literal.end_lineno - 1] + literal.end_col_offset
        raw = raw[:begin] + _without_first_paragraph(raw[begin:end]) + raw[end:]
    return raw.decode()


def first_sentence(docstring: str) -> str:
    """The first sentence of the first paragraph, on one line; nothing if it is not prose."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    match = _SENTENCE.match(paragraph)
    sentence = match.group() if match else paragraph
    prose = sentence[:1].isupper() and ">>>" not in sentence and " " in sentence
    return sentence if prose and SHORTEST <= len(sentence) <= LONGEST else ""


def _read(root: Path, path: Path) -> Source | None:
    try:
        text = (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    return Source(module, text)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def _documented(
    node: ast.AST, owners: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Documented]]:
    """Functions and classes with a docstring, each with the classes around it, outermost first."""
    for child in ast.iter_child_nodes(node):
        inner = (*owners, child.name) if isinstance(child, ast.ClassDef) else owners
        if isinstance(child, Documented) and ast.get_docstring(child, clean=False):
            yield owners, child
        yield from _documented(child, inner)


def _signature(node: Documented) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}({bases})" if bases else f"class {node.name}"
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{kind} {node.name}({ast.unparse(node.args)}){returns}"


def _docstring(node: Documented) -> ast.expr:
    statement = node.body[0]
    assert isinstance(statement, ast.Expr), "it has a docstring"
    return statement.value


def _line_starts(raw: bytes) -> list[int]:
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _without_first_paragraph(literal: bytes) -> bytes:
    match = _FIRST_PARAGRAPH.match(literal)
    return match.group(1) + literal[match.end() :] if match else b""
