"""Classification: one of several labels for a text."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainables.core.frozen import Frozen
from trainables.objectives.objective import Objective


class ClassificationConfig(Frozen):
    """One of several labels for a text."""

    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="weight of a row in training; balanced: rows / (classes * rows of its class)",
    )


class Classification(Objective):
    """One of several labels for a text."""

    name = "classification"
    sections = {"classification": ClassificationConfig}
    has_head = True
    reads_chats = False
    no_packing = "scores each sequence separately; only sft supports packing"


CLASSIFICATION = Classification()
