"""Texts as they are compared: normalised, and cut into words, for languages without spaces too."""

from __future__ import annotations

import re
import unicodedata

UNSPACED = "\u2e80-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff\u0e00-\u0eff"
"""Characters of scripts without spaces between words: Chinese, Japanese, Thai and Lao."""

_MARKS = "\u3001-\u3004\u3008-\u3020\u3030\u303d\u30a0\u30fb\u0e4f\u0e5a\u0e5b"
"""Punctuation and symbols among them."""

_WORD = re.compile(rf"(?![{_MARKS}])[{UNSPACED}]|[^\W_{UNSPACED}]+")
_TOKEN = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
_QUOTES = "\"'`“”‘’«»「」『』 "
_ENDS = _QUOTES + ".,;:!?。、…"

LETTER = rf"[^\W{UNSPACED}]"
"""A character of a word longer than one character, or _, in regular expressions."""

CHINESE = re.compile(r"[\u3400-\u9fff]")


def folded(text: str) -> str:
    """The text with Unicode compatibility forms and case folded, and single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def normal(text: str) -> str:
    """The folded text without quotes around it and punctuation at its end."""
    whole = folded(text)
    return whole.rstrip(_ENDS).lstrip(_QUOTES) or whole


def words(text: str) -> list[str]:
    """The folded words without punctuation; characters of scripts without spaces."""
    return _WORD.findall(folded(text))


def pieces(text: str) -> list[str]:
    """The text at its spaces; characters of scripts without spaces."""
    return _TOKEN.findall(text)


def is_word(character: str) -> bool:
    """Whether it is part of a word longer than one character."""
    return bool(_WORD.fullmatch(character)) and not re.match(f"[{UNSPACED}]", character)
