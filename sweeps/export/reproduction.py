"""The sweep file of one single trial, which trains it again."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from results.records.record import SweepRecord, TrialRecord
from sweeps.planning.edits import STAGE
from sweeps.search.lanes import lanes_of
from sweeps.spec.spec import SweepSpec

_NOT_ITS = ("tracking", "storage", "register", "confirm")
"""Sections about the servers, storage and registry of the person who launched the sweep, and about
others of its trials."""

_SEARCH = ("metric", "mode", "metrics", "seed")
"""What of the search says how a trial is judged."""


def one_trial(spec: SweepSpec, sweep: SweepRecord, record: TrialRecord) -> dict[str, object]:
    """The spec of the sweep, with this trial's values and seed in place of the search."""
    tree = {key: value for key, value in spec.tree.items() if key not in _NOT_ITS}
    budget, slots, search = (_mapping(tree.get(key)) for key in ("budget", "slots", "search"))
    values = dict(record.params)
    values |= {name: value for name, value in record.repairs.items() if name in values}
    others = {name: value for name, value in record.repairs.items() if name not in values}
    if (stage := others.pop(STAGE, None)) is not None:
        slots["deepspeed"] = {**_mapping(slots.get("deepspeed")), "zero_stage": stage}
    if lanes_of(spec) == 1:
        slots["lanes"] = 1  # without what made it so, such as forks, auto would be a lane
    return {
        **tree,
        "name": f"{sweep.name[:50]}-trial-{record.trial}",
        **_ordered(tree, record),
        "seed": record.config["seed"],
        "budget": {**budget, "trials": 1},
        "search": {
            **{key: value for key, value in search.items() if key in _SEARCH},
            "sampler": "random",
            "early_stopping": "none",
        },
        "slots": {**{k: v for k, v in slots.items() if k not in ("max", "min")}, "count": 1},
        **others,
        "space": {name: {"choice": [value]} for name, value in values.items()},
    }


def _ordered(tree: Mapping[str, object], record: TrialRecord) -> dict[str, object]:
    """The section with the order of examples, if that is not the sweep's own."""
    if record.config.get("data.order_seed") is None:
        return {}
    return {"data": {**_mapping(tree.get("data")), "order_seed": record.config["data.order_seed"]}}


def as_yaml(tree: Mapping[str, object]) -> str:
    """The tree as a sweep file."""
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True)


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, Mapping) else {}
