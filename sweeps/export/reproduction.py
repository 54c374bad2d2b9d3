"""The sweep file of one single trial, which trains it again."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from results.records.record import SweepRecord, TrialRecord
from sweeps.spec.spec import SweepSpec

_PLACES = ("tracking", "storage", "register")
"""Sections about the servers, storage and registry of the person who launched the sweep."""

_SEARCH = ("metric", "mode", "metrics", "seed")
"""What of the search says how a trial is judged."""


def one_trial(spec: SweepSpec, sweep: SweepRecord, record: TrialRecord) -> dict[str, object]:
    """The spec of the sweep, with this trial's values and seed in place of the search."""
    tree = {key: value for key, value in spec.tree.items() if key not in _PLACES}
    budget, slots, search = (_mapping(tree.get(key)) for key in ("budget", "slots", "search"))
    values = dict(record.params)
    values |= {name: value for name, value in record.repairs.items() if name in values}
    return {
        **tree,
        "name": f"{sweep.name[:50]}-trial-{record.number}",
        "seed": record.config["seed"],
        "budget": {**budget, "trials": 1},
        "search": {
            **{key: value for key, value in search.items() if key in _SEARCH},
            "sampler": "random",
            "early_stopping": "none",
        },
        "slots": {**{k: v for k, v in slots.items() if k not in ("max", "min")}, "count": 1},
        **{name: value for name, value in record.repairs.items() if name not in values},
        "space": {name: {"choice": [value]} for name, value in values.items()},
    }


def as_yaml(tree: Mapping[str, object]) -> str:
    """The tree as a sweep file."""
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True)


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, Mapping) else {}
