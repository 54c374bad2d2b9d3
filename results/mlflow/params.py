"""A trial's configuration as the params of an MLflow run, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from results.records.record import TrialRecord

LONGEST_PARAM = 6000
"""Characters. MLflow cuts longer values without a word."""

Parameters = dict[str, dict[str, JsonValue]]
"""The fields `params` and `config` of a record."""


def text_of(value: JsonValue) -> str:
    """JSON, but strings stay bare (cosine) unless they would read as something else ("16")."""
    if isinstance(value, str) and value and value_of(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def value_of(text: str) -> JsonValue:
    """The value that `text_of` wrote, with its type."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def trial_params(record: TrialRecord) -> dict[str, str]:
    """The resolved configuration as MLflow shows it; searched values are shown as drawn."""
    shown = {name: text_of(value) for name, value in {**record.config, **record.params}.items()}
    return {name: text[:LONGEST_PARAM] for name, text in shown.items()}


def parameters_in(params: Mapping[str, str], searched: Sequence[str]) -> Parameters:
    """The fields `params` and `config` as a run's params tell them."""
    config = {name: value_of(text) for name, text in params.items()}
    return {"params": {name: config[name] for name in searched}, "config": config}


def parameters_text(record: TrialRecord, params: Mapping[str, str]) -> str | None:
    """What to keep beside a run whose `params` would not read back as the record's; else None.

    That is so where a value is too long for MLflow, where the configuration could not be resolved,
    where a drawn 1 was resolved to 1.0, and where a retry changed a value: MLflow never lets a
    param change.
    """
    wanted = {"params": record.params, "config": record.config}
    if _same(parameters_in(params, list(record.params)), wanted):
        return None
    return json.dumps(wanted, indent=1)


def parameters_text_in(text: str) -> Parameters:
    """The fields `params` and `config` as `parameters_text` wrote them."""
    fields: Parameters = json.loads(text)
    return fields


def _same(one: Parameters, other: Parameters) -> bool:
    """Equal also in type: 1, 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
