"""The toy: a closed-form trial for examples, tests and checks of the search itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainables.core.frozen import Frozen, PositiveFloat, PositiveInt
from trainables.objectives.objective import Objective


class ToyConfig(Frozen):
    """The landscape of the closed-form trial (see slots/toy.py)."""

    learning_rate: PositiveFloat = Field(default=3e-4, description="learning rate of the optimum")
    rank: PositiveInt = Field(default=16, description="rank of the optimum")
    diverge_above: PositiveFloat | None = Field(
        default=None, description="learning rates above this value give NaN halfway"
    )
    crash_above: PositiveFloat | None = Field(
        default=None, description="learning rates above this value crash halfway"
    )
    hang_above: PositiveFloat | None = Field(
        default=None, description="learning rates above this value hang halfway"
    )
    noise: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="standard deviation between seeds of the loss"
    )
    seconds: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="duration of each evaluation point"
    )


class Toy(Objective):
    """A trial in closed form, without a model or data."""

    name = "toy"
    sections = {"toy": ToyConfig}
    trains = False


TOY = Toy()
