"""The base of all configuration values. Light: pydantic only."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

PositiveInt = Annotated[int, Field(gt=0, le=2**31 - 1)]
"""A count of at most 32 bits; a larger one would fail only in the library that receives it."""

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Frozen(BaseModel):
    """A strict, immutable value: unknown fields are refused, and true and false are no numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_not_1(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool):
            types = _types_in(cls.model_fields[str(info.field_name)].annotation)
            if {int, float} & types and not {bool, object} & types:
                raise PydanticCustomError("number", "must be a number")
        return value


def _types_in(annotation: object) -> set[object]:
    """The types of which an annotation is made."""
    inner = [_types_in(each) for each in get_args(annotation)]
    return {annotation}.union(*inner) if inner or isinstance(annotation, type) else set()
