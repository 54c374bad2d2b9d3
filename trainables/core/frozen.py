"""The base of all configuration values. Light: pydantic only."""

from __future__ import annotations

from typing import Annotated, get_args, get_origin

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
    """A strict, immutable value: unknown fields are refused, and true and false are no numbers.

    null leaves a mapping unset, as it does all other fields that may be unset.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_not_1(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool):
            types = _types_in(cls.model_fields[str(info.field_name)].annotation)
            if {int, float} & types and not {bool, object} & types:
                raise PydanticCustomError("number", "must be a number")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_unset(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[str(info.field_name)]
        if value is None and get_origin(field.annotation) is dict and not field.is_required():
            return field.get_default(call_default_factory=True, validated_data=info.data)
        return value


def _types_in(annotation: object) -> set[object]:
    """The types of which an annotation is made."""
    inner = [_types_in(each) for each in get_args(annotation)]
    return {annotation}.union(*inner) if inner or isinstance(annotation, type) else set()
