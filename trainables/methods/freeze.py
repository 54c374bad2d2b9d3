"""Partial fine-tuning: the last blocks and any named modules train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from search_spaces.problem import Problem
from trainables.core.errors import MisfitError
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
    draws = False
    sections = {"freeze": FreezeConfig}
    fits_by = ("freeze.last_blocks", "freeze.modules")
    trains_base = True
    learns_new_tokens = True

    def misfits(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
        """More blocks than the model has, or modules that it does not have."""
        yield from super().misfits(base, config)
        try:
            _trained(base, config)
        except MisfitError as error:
            yield error.problem

    def remarks(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[str]:
        """Named modules that train with the other end of the model."""
        from trainables.architecture.vocabulary import tied_to

        yield from super().remarks(base, config)
        for ending in config.settings(FreezeConfig).modules:
            if tied := tied_to(base, ending):
                yield (
                    f"freeze.modules: {ending} of {type(base).__name__} shares its weight with "
                    f"{tied}, so both train."
                )

    def attach(
        self, base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int]
    ) -> PreTrainedModel:
        """The base itself. With new tokens, whole embeddings train as well."""
        from trainables.architecture.vocabulary import embeddings

        trained = [*_trained(base, config), *(embeddings(base) if new_tokens else ())]
        base.requires_grad_(False)
        for name in trained:
            base.get_submodule(name).requires_grad_(True)
        return base


def _trained(base: PreTrainedModel, config: TrialConfig) -> list[str]:
    """The full names of the trained modules; MisfitError if the model lacks one, or if none."""
    from trainables.architecture.head import head_modules
    from trainables.architecture.modules import blocks, modules_named

    settings = config.settings(FreezeConfig)
    count, names = settings.last_blocks, list(blocks(base))
    if count > len(names):
        raise MisfitError(
            "freeze.last_blocks",
            f"{count} is more than the {len(names)} blocks of {type(base).__name__}",
            f"use at most {len(names)}, or method: full",
        )
    trained = names[len(names) - count :]
    trained += modules_named(base, settings.modules, "freeze.modules")
    heads = head_modules(base) if config.learns.has_head else []
    if not trained and not heads and not (config.data and config.data.new_tokens):
        raise MisfitError(
            "freeze.last_blocks", "0 without freeze.modules trains nothing", "raise last_blocks"
        )
    return trained + heads


FREEZE = Freeze()
