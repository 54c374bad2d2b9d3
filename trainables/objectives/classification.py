"""Classification: a label for a text, several labels, or a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen
from trainables.core.label import key, written
from trainables.objectives.objective import Objective

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig

Target = Literal["single_label", "multi_label", "regression"]
"""What is predicted for a text, in transformers' terms (`problem_type`)."""


def _name(value: object) -> object:
    return written(value) if isinstance(value, str | int | float) else value


LabelName = Annotated[str, BeforeValidator(_name), Field(min_length=1)]


class ClassificationConfig(Frozen):
    """One of several labels for a text, any number of them, or a number."""

    target: Literal["auto", "single_label", "multi_label", "regression"] = Field(
        default="auto",
        description="auto: multi_label for lists, regression for numbers with fractions and more "
        "than ten values, else single_label",
    )
    labels: tuple[LabelName, ...] | None = Field(
        default=None,
        description="all labels, in the order of the model's outputs; rows with others are "
        "refused. Unset: those of the train files",
    )
    delimiter: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description='separator of several labels in one field: "|"'
    )
    threshold: Literal["tuned"] | Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5,
        description="probability from which a label is predicted (multi_label); tuned: for each "
        "label the one with the best F1 on the validation set",
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="weight of a row in training; balanced: rows / (classes * rows of its class); "
        "with multi_label, of a label's rows against those without it: their ratio",
    )

    @field_validator("labels")
    @classmethod
    def _differ(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        names = [key(label) for label in labels or ()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is listed twice; remove one")
        return labels


class Classification(Objective):
    """One of several labels for a text, any number of them, or a number."""

    name = "classification"
    sections = {"classification": ClassificationConfig}
    scores_single_rows = True
    has_head = True
    reads_chats = False
    no_packing = "scores each sequence separately; only sft supports packing"
    refuses_by = (
        "label_smoothing",
        "classification.class_weights",
        "classification.threshold",
    )

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Settings that the chosen target does not read."""
        yield from super().refusals(config)
        settings = config.settings(ClassificationConfig)
        if settings.target == "auto":
            return
        if settings.target != "multi_label":
            wanted = "set target: multi_label"
            if settings.delimiter is not None:
                yield _unread("delimiter", settings.target, wanted)
            if settings.threshold != 0.5:
                yield _unread("threshold", settings.target, wanted)
        if settings.target == "regression":
            if settings.labels is not None:
                yield _unread("labels", "regression", "set target: single_label")
            if settings.class_weights != "none":
                yield _unread("class_weights", "regression", "set target: single_label")


def _unread(field: str, target: str, otherwise: str) -> Problem:
    message = f"target {target} does not read it"
    return Problem(f"classification.{field}", message, f"leave it out, or {otherwise}")


CLASSIFICATION = Classification()
