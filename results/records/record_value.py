"""The base of all records, frozen values that survive JSON unchanged, and their fields' kinds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from results.records.uris import redact


def _without_tuples(value: object) -> object:
    """Tuples as lists, as in JSON; else a record would not equal its own copy."""
    if isinstance(value, Mapping):
        return {key: _without_tuples(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_tuples(inner) for inner in value]
    return value


Values = Annotated[dict[str, JsonValue], BeforeValidator(_without_tuples)]
Uri = Annotated[str, AfterValidator(redact)]
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A value that is checked at creation, immutable, and writes NaN and infinity as strings."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def with_changes(self, **changes: object) -> Self:
        """A checked copy with `changes`."""
        return type(self).model_validate({**dict(self), **changes})

    def same_as(self, other: Record) -> bool:
        """Equality in which NaN equals NaN."""
        mine, theirs = (
            json.dumps(record.model_dump(mode="json"), sort_keys=True) for record in (self, other)
        )
        return mine == theirs
