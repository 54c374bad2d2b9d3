"""Methods that train nothing: the base answers as it is, with what is looked up in its prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from search_spaces.problem import Problem
from trainables.methods.method import Method

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class Untrained(Method):
    """A method without training: no optimizer and no adapter; measured once, at the last point."""

    trains = False
    unmergeable: ClassVar[str | None] = "it trains no weights"

    def attach(
        self, base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int]
    ) -> PreTrainedModel:
        """The base, unchanged."""
        return base

    def misfits(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
        """None: any model can be asked."""
        yield from ()

    def remarks(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[str]:
        """None: nothing is trained."""
        yield from ()

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Objectives whose models write no text."""
        yield from super().refusals(config)
        if not config.learns.learns_text:
            yield Problem(
                "method",
                f"{self.name} trains nothing, and the untouched model has no measure for objective "
                f"{config.objective}",
                "use objective sft or clm, or another method",
            )


class LooksUp(Untrained):
    """A method that puts something into the prompt, and is judged by the answers to it."""

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Objectives without prompts, trials without answers, prompts with passages already."""
        yield from super().refusals(config)
        if config.learns.learns_text and not config.learns.asks_prompts:
            yield Problem(
                "method",
                f"{self.name} changes prompts, and objective {config.objective} has none",
                "use objective sft, or another method",
            )
        elif config.learns.learns_text and not config.evaluation.metrics:
            yield Problem(
                "method",
                f"{self.name} is judged by the answers that the model writes, and none are "
                "generated",
                "search by a metric of answers, such as search.metric: eval_exact_match",
            )
        if config.data and config.data.retrieve:
            yield Problem(
                "data.retrieve",
                f"changes every prompt already, so method {self.name} cannot",
                "leave it out, or use method none for the base with these prompts",
            )
