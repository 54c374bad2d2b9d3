"""A trial's configuration as the params of an MLflow run, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from results.records.record import TrialRecord

LONGEST_PARAM = 6000
"""Maximum number of characters; MLflow silently cuts longer values."""

Parameters = dict[str, dict[str, JsonValue]]
"""The fields `params` and `config` of a record."""


def text_of(value: JsonValue) -> str:
    """The value as JSON; strings are bare (cosine) unless ambiguous ("16")."""
    if isinstance(value, str) and value and value_of(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def value_of(text: str) -> JsonValue:
    """The inverse of `text_of`, with the value's type."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def trial_params(record: TrialRecord) -> dict[str, str]:
    """The resolved configuration as MLflow shows it; searched values as drawn."""
    shown = {name: text_of(value) for name, value in {**record.config, **record.params}.items()}
    return {name: text[:LONGEST_PARAM] for name, text in shown.items()}


def parameters_in(params: Mapping[str, str], searched: Sequence[str]) -> Parameters:
    """The fields `params` and `config`, from a run's params; a run that was cut off has none."""
    config = {name: value_of(text) for name, text in params.items()}
    return {"params": {n: config[n] for n in searched if n in config}, "config": config}


def parameters_text(record: TrialRecord, params: Mapping[str, str]) -> str | None:
    """An artifact for a run whose `params` would not read back as the record's; else None.

    Needed if a value is too long for MLflow, if the configuration could not be resolved, if a drawn
    1 was resolved to 1.0, or if a retry changed a value: MLflow's params never change.
    """
    wanted = {"params": record.params, "config": record.config}
    if _same(parameters_in(params, list(record.params)), wanted):
        return None
    return json.dumps(wanted, indent=1)


def parameters_text_in(text: str) -> Parameters:
    """The inverse of `parameters_text`: the fields `params` and `config`."""
    fields: Parameters = json.loads(text)
    return fields


def _same(one: Parameters, other: Parameters) -> bool:
    """Equality of values and types: 1, 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
