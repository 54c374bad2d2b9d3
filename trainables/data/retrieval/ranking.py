"""Texts ranked by their match with a query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from trainables.data.retrieval.words import terms

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Vectors]
"""From texts to unit vectors, one row each."""

_AT_ONCE = 64
"""Queries scored together."""


class Ranking(ABC):
    """Ranks a fixed list of texts."""

    @abstractmethod
    def scores(self, queries: Sequence[str], embed: Embed | None) -> NDArray[np.float32]:
        """The match of each query with each text: [queries, texts]; more is better."""

    def orders(
        self, queries: Sequence[str], embed: Embed | None = None
    ) -> Iterator[NDArray[np.int64]]:
        """The places of all texts for each query, the best first; ties by place."""
        for at in range(0, len(queries), _AT_ONCE):
            for row in self.scores(queries[at : at + _AT_ONCE], embed):
                yield np.argsort(-row, kind="stable")


class Bm25(Ranking):
    """Okapi BM25 with Lucene's weights, by bm25s; `terms` cuts texts and queries."""

    def __init__(self, texts: Sequence[str], terms: Callable[[str], list[str]] = terms) -> None:
        import bm25s

        self._terms = terms
        found = [terms(text) for text in texts]
        self._count = len(texts)
        # bm25s refuses texts without any word.
        self._index = bm25s.BM25() if any(found) else None
        if self._index:
            self._index.index(found, create_empty_token=False, show_progress=False)

    def scores(self, queries: Sequence[str], embed: Embed | None) -> NDArray[np.float32]:
        """BM25's scores; 0 without a common word."""
        rows = np.zeros((len(queries), self._count), np.float32)
        for row, query in zip(rows, queries, strict=True):
            known = self._index.get_tokens_ids(self._terms(query)) if self._index else []
            if self._index and known:
                row[:] = self._index.get_scores_from_ids(known)
        return rows


class Dense(Ranking):
    """The cosine of embeddings."""

    def __init__(self, texts: Sequence[str], embed: Embed) -> None:
        self._vectors = embed(texts)

    def scores(self, queries: Sequence[str], embed: Embed | None) -> NDArray[np.float32]:
        """The cosines."""
        assert embed is not None, "texts were embedded, so queries can be"
        found: NDArray[np.float32] = embed(queries) @ self._vectors.T
        return found


class Shuffled(Ranking):
    """A random order, the same for all queries."""

    def __init__(self, count: int, seed: int) -> None:
        self._order = np.random.default_rng(seed).permutation(count)

    def scores(self, queries: Sequence[str], embed: Embed | None) -> NDArray[np.float32]:
        """Descending in the random order."""
        row = np.empty(len(self._order), np.float32)
        row[self._order] = -np.arange(len(self._order), dtype=np.float32)
        return np.tile(row, (len(queries), 1))
