"""Retrieval-augmented prompts (Lewis et al. 2020, arXiv:2005.11401), without training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from search_spaces.problem import Problem
from trainables.core.lookup import Lookup, PassageFields
from trainables.methods.untrained import LooksUp

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


class RagConfig(PassageFields):
    """Passages of `data.knowledge` in the question, the best match first."""

    passages: Annotated[int, Field(gt=0, le=1024)] = Field(
        default=3, description="passages in a prompt, or as many as fit the context"
    )
    retriever: Literal["bm25", "dense"] = Field(
        default="bm25",
        description="bm25 (Robertson & Zaragoza 2009), or dense: by the cosine of embeddings",
    )
    encoder: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="sentence-transformers model for dense; unset: means of the base's last states",
    )


class Rag(LooksUp):
    """The base with passages in its prompt."""

    name = "rag"
    sections = {"rag": RagConfig}

    def lookup(self, config: TrialConfig) -> Lookup:
        """Passages."""
        own = config.settings(RagConfig)
        return Lookup(
            "knowledge",
            own.passages,
            own.retriever,
            own.encoder,
            own.chunk_tokens,
            own.overlap,
            own.layout,
        )

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """No knowledge."""
        yield from super().refusals(config)
        if config.data and config.data.knowledge is None:
            yield Problem(
                "data.knowledge",
                "is missing, but method rag looks up passages in it",
                "set it to text files, or to a folder of them",
            )


RAG = Rag()
