"""The base class of objectives. Light: their losses are in `trainables.losses`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from search_spaces.problem import Problem
from trainables.core.kind import Kind

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


_OF_CHATS = {"template": None, "train_on": "all_answers", "reasoning": "keep"}
"""Fields of the data that say how chats are rendered, with their defaults."""


class Objective(Kind):
    """What a trial learns.

    The registry finds module-level instances in this package.
    """

    trains: ClassVar[bool] = True
    """Whether it trains a model on data; otherwise a trial is simulated."""

    learns_text: ClassVar[bool] = False
    """Whether it learns the tokens of a text, so that other text can be mixed in and measured."""

    @property
    def keeps_text(self) -> bool:
        """Whether its models predict text as the base does, so that forgetting can be measured."""
        return self.learns_text or self.rolls_out

    has_usual_rates: ClassVar[bool] = False
    """Whether methods know a usual learning rate for it."""

    writes_answers: ClassVar[bool] = False
    """Whether it learns to write answers to the prompts of chats."""

    asks_prompts: ClassVar[bool] = False
    """Whether its models' answers to the prompts of a measured set can be measured."""

    rolls_out: ClassVar[bool] = False
    """Whether the model in training answers the training prompts, and learns from its answers."""

    judged_by: ClassVar[str] = "eval_loss"
    """The metric of a search that names none."""

    of_answers: ClassVar[tuple[str, ...]] = ()
    """Its own metrics of generated answers, measured at every evaluation."""

    has_head: ClassVar[bool] = False
    """Whether a new head reads the answer from the last token."""

    has_value_head: ClassVar[bool] = False
    """Whether a value head is trained beside the model, and left out of what is saved for use."""

    reads_chats: ClassVar[bool] = True
    """Whether its own files may hold chats, which are written by a chat template."""

    scores_single_rows: ClassVar[bool] = False
    """Whether its loss is made of single rows of a batch, so that rows of several trials can go
    through the base together."""

    no_packing: ClassVar[str | None] = None
    """Why its sequences cannot be packed; None if they can."""

    refuses_by: ClassVar[tuple[str, ...]] = ("label_smoothing",)

    def group_size(self, config: TrialConfig) -> int:
        """Sequences that are trained on for each example of a batch."""
        return 1

    def step_size(self, config: TrialConfig) -> int:
        """Sequences that an optimizer step trains on, over all workers."""
        return config.batch_size * self.group_size(config)

    def passes(self, config: TrialConfig) -> int:
        """Optimizer steps in a row on the same examples."""
        return 1

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Incompatibilities with the rest of a trial."""
        if config.label_smoothing and not self.learns_text:
            yield Problem(
                "label_smoothing",
                f"objective {self.name} has no token labels to smooth",
                "leave it out",
            )
        if config.data and not (self.reads_chats or config.data.general or config.data.mix):
            for name, default in _OF_CHATS.items():
                if getattr(config.data, name) != default:
                    message = f"objective {self.name} reads no chats"
                    yield Problem(f"data.{name}", message, "leave it out")
        if self.no_packing and config.data and config.data.packing:
            message = f"objective {self.name} {self.no_packing}"
            yield Problem("data.packing", message, "leave it out")
