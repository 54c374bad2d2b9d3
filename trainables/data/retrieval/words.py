"""A text's words for BM25: also pairs of characters in scripts without spaces between words."""

from __future__ import annotations

from itertools import pairwise

from trainables.metrics.words import is_word, words


def terms(text: str) -> list[str]:
    """Folded words; of Chinese, Japanese, Thai and Lao, characters and pairs of neighbours."""
    found = words(text)
    pairs = [a + b for a, b in pairwise(found) if not is_word(a) and not is_word(b)]
    return [*found, *pairs]
