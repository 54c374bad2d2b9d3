"""What all configuration values have in common. Light: pydantic only."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(gt=0, le=2**31 - 1)]
"""A count; what is above 32 bits is none, and would fail only in the library that it goes to."""

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Frozen(BaseModel):
    """A strict value: unknown fields are refused, and nothing changes after birth."""

    model_config = ConfigDict(frozen=True, extra="forbid")
