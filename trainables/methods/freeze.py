"""Partial fine-tuning: the last blocks and any named modules train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from trainables.core.frozen import Frozen
from trainables.methods.method import Method

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class FreezeConfig(Frozen):
    """Partial fine-tuning: the last blocks and any named modules train."""

    last_blocks: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=2, description="number of trained transformer blocks, counted from the end"
    )
    modules: tuple[str, ...] = Field(
        default=(), description="further trained modules, by the end of their name: lm_head"
    )


class Freeze(Method):
    """Trains the last blocks, the named modules and a new head, and nothing else."""

    name = "freeze"
    sections = {"freeze": FreezeConfig}
    trains_base = True
    learns_new_tokens = True

    def attach(
        self, base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int]
    ) -> PreTrainedModel:
        """The base itself. With new tokens, whole embeddings train as well."""
        from trainables.architecture.modules import blocks, modules_named
        from trainables.architecture.vocabulary import embeddings

        settings = config.settings(FreezeConfig)
        count, names = settings.last_blocks, list(blocks(base))
        if count > len(names):
            raise ValueError(
                f"freeze.last_blocks {count} is more than the {len(names)} blocks of "
                f"{type(base).__name__}; use at most {len(names)}, or method: full"
            )
        trained = names[len(names) - count :]
        trained += modules_named(base, settings.modules, "freeze.modules")
        trained += [name for name, _ in base.named_children() if name in ("score", "classifier")]
        trained += embeddings(base) if new_tokens else ()
        if not trained:
            raise ValueError(
                "freeze.last_blocks 0 without freeze.modules trains nothing; raise last_blocks"
            )
        base.requires_grad_(False)
        for name in trained:
            base.get_submodule(name).requires_grad_(True)
        return base


FREEZE = Freeze()
