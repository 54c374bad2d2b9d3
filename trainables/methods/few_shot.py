"""Few-shot prompts: training examples before the question (Brown et al. 2020, arXiv:2005.14165)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from trainables.core.frozen import Frozen
from trainables.core.lookup import Lookup, Retriever
from trainables.methods.untrained import LooksUp

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


class FewShotConfig(Frozen):
    """Examples of the training set as earlier turns of the chat, the best match last.

    At random they are the same for all prompts; a smaller number is part of a larger one.
    """

    count: Annotated[int, Field(gt=0, le=1024)] = Field(
        default=4, description="examples in a prompt, or as many as fit the context"
    )
    retriever: Retriever = Field(
        default="random",
        description="random (by data.seed), or the questions nearest to the asked one: by bm25 "
        "(Robertson & Zaragoza 2009), or dense: by the cosine of embeddings",
    )
    encoder: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="sentence-transformers model for dense; unset: means of the base's last states",
    )


class FewShot(LooksUp):
    """The base with examples in its prompt."""

    name = "few_shot"
    sections = {"few_shot": FewShotConfig}

    def lookup(self, config: TrialConfig) -> Lookup:
        """Training examples."""
        own = config.settings(FewShotConfig)
        return Lookup("examples", own.count, own.retriever, own.encoder)


FEW_SHOT = FewShot()
