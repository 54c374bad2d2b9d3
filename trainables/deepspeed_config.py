"""How a slot's workers share a trial's state."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainables.frozen import Frozen


class DeepSpeedConfig(Frozen):
    """How a slot's workers share a trial's state."""

    zero_stage: Literal[0, 1, 2, 3] = Field(
        default=2, description="0 shares nothing, 1 optimizer state, 2 + gradients, 3 + parameters"
    )
