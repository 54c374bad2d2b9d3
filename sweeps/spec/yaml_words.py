"""The parser's complaints about YAML in plain words. Light."""

from __future__ import annotations

import re
from collections.abc import Mapping

_QUOTES = "put the value in quotes"

_WORDS: Mapping[str, str] = {
    r"expected ',' or '([]}])', but got .*": "the bracket opened in line {line} lacks its '{0}', "
    "or there is no comma between two entries",
    r"expected the node content, but found .*": "a value is missing between two commas or brackets",
    r"found character '\\t' that cannot start any token": "a tab indents the line; use spaces",
    r"found character '(.)' that cannot start any token": "a value cannot start with {0}; "
    + _QUOTES,
    r"mapping values are not allowed here": "a ':' stands where no field can begin; fields of one "
    "level start in the same column, a name is followed by ': ', and a value with ': ' in it needs "
    "quotes",
    r"found unexpected end of stream": "the quote opened in line {line} is not closed",
    r"could not find expected ':'": "a name lacks its ':' in line {line} or below",
    r"found undefined alias '(.*)'": "*{0} refers to nothing; a value that starts with * needs "
    "quotes",
    r"expected <block end>, but found '?(-|<block sequence start>)'?": "a list entry stands among "
    "fields; indent it under a name, or remove the '-'",
    r"expected <block end>, but found '\?'": "a field stands among list entries; indent it under "
    "one, or remove the '-' above",
    r"expected <block end>, but found .*": "the line fits to none above it; fields of one level "
    "start in the same column as the one in line {line}",
    r"expected alphabetic or numeric character, but found .*": "a value cannot start with * or &; "
    + _QUOTES,
    r"expected (chomping or indentation|a comment or a line break|indentation indicator).*": "a "
    "value cannot start with | or >; " + _QUOTES,
    r"expected (URI|' '|'!'|alphabetic).*": "a value cannot start with !; " + _QUOTES,
    r"expected '<document start>', but found .*": "the line fits to none above it; write one field "
    "per line, NAME: VALUE",
    r"found unknown escape character '(.*)'": "\\{0} means nothing between double quotes; use "
    "single quotes",
    r"expected escape sequence of .*": "a \\ between double quotes begins an escape; use single "
    "quotes",
    r"but found another document": "'---' begins a second document; keep one",
}


def in_plain_words(problem: str, line: int | None) -> str | None:
    """What is wrong and the way out; None for a complaint without words of ours.

    `line` is where the part began that the parser could not read, counted from 1.
    """
    for pattern, words in _WORDS.items():
        if found := re.fullmatch(pattern, problem):
            return words.format(*found.groups(), line=line)
    return None
