from __future__ import annotations

import ast
import inspect
import textwrap

import pytest

from sweeps.builtin.corpus import (
    Pair,
    Source,
    first_sentence,
    pairs,
    pretraining_text,
    stdlib_sources,
)
from trainables.core.data_error import DataError

SHELF = Source(
    "library.shelf",
    '''
"""A module's own docstring is text."""

class Shelf(dict):
    """A shelf that holds books. It is made of wood."""

    async def put(self, book: str, *, top=False) -> int:
        """Put a book on the shelf.

        The books below it stay.
        """
        def helper():
            "Helps with the book é."
        return 1  # the place

def bare(x):
    return x

def cryptic():
    """frobnicate() -> int"""
''',
)


def test_each_documented_function_and_class_gives_a_pair():
    assert list(pairs(SHELF)) == [
        Pair("module library.shelf\nclass Shelf(dict)", "A shelf that holds books."),
        Pair(
            "module library.shelf\nclass Shelf\n"
            "async def put(self, book: str, *, top=False) -> int",
            "Put a book on the shelf.",
        ),
        Pair("module library.shelf\nclass Shelf\ndef helper()", "Helps with the book é."),
    ]


def test_a_pair_is_an_alpaca_record():
    assert Pair("a", "b").record() == {"instruction": "a", "output": "b"}


def test_the_text_for_pretraining_holds_no_answer_but_all_else():
    text = pretraining_text(SHELF)
    assert not [pair.output for pair in pairs(SHELF) if pair.output in text]
    for kept in ("own docstring", "The books below it stay.", "# the place", "def cryptic():"):
        assert kept in text
    assert "made of wood" not in text


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Return the\n    number.  More follows.\n\nAnd more.", "Return the number."),
        ("Names, e.g. Linux or Java.", "Names, e.g. Linux or Java."),
        ("Round to 0.5 at most. Then stop.", "Round to 0.5 at most."),
        ("No full stop here\n\nNext.", "No full stop here"),
        ("Too short", ""),
        ("lower case prose is often a signature.", ""),
        ("Word" + "s" * 20, ""),
        ("A long one " * 30, ""),
        ("Shows >>> a prompt.", ""),
        ("", ""),
    ],
)
def test_the_first_sentence(docstring, sentence):
    assert first_sentence(docstring) == sentence


@pytest.mark.parametrize("module", [textwrap, inspect])
def test_real_modules_lose_their_answers_and_keep_their_code(module):
    source = Source(module.__name__, inspect.getsource(module))
    text = pretraining_text(source)
    answers = [pair.output for pair in pairs(source)]
    assert len(answers) >= 5
    kept = [answer for answer in answers if answer in " ".join(text.split())]
    assert len(kept) <= 0.05 * len(answers)
    code = [ast.unparse(n.args) for n in ast.walk(ast.parse(source.text)) if hasattr(n, "args")
            and isinstance(n.args, ast.arguments)]  # fmt: skip
    assert code and text.count("def ") >= source.text.count("def ") - 20


def test_a_module_that_does_not_parse_is_text_and_no_pairs():
    broken = Source("old", "print 'hello'\n")
    assert list(pairs(broken)) == []
    assert pretraining_text(broken) == broken.text


def test_sources_are_named_ordered_and_without_tests(tmp_path):
    for name in ("b.py", "a/__init__.py", "a/c.py", "test/t.py", "site-packages/x.py", "n.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("pass\n")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    assert [source.module for source in stdlib_sources(tmp_path)] == ["a", "a.c", "b"]


def test_a_python_without_sources_is_told(tmp_path):
    with pytest.raises(DataError, match="holds none; install them, or choose another model"):
        stdlib_sources(tmp_path)
