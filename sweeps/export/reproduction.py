"""The sweep file of one single trial, which trains it again."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from results.records.record import SweepRecord, TrialRecord
from search_spaces.dotted import holds, unset
from sweeps.planning.edits import STAGE
from sweeps.search.lanes import lanes_of
from sweeps.spec.caps import apart
from sweeps.spec.fields import changed
from sweeps.spec.spec import SweepSpec

_NOT_ITS = ("tracking", "storage", "register", "confirm")
"""Sections about the servers, storage and registry of the person who launched the sweep, and about
others of its trials."""

_GENERATE_AT = "evaluation.generate_at"
_BY_THE_SEARCH = (_GENERATE_AT, "evaluation.examples", "data.order_seed")
"""Fields of a trial that follow from the search, or from the confirmation, in place of the file."""

_SEARCH = ("metric", "mode", "metrics", "seed", "trial_patience", "min_delta")
"""What of the search says how a trial is judged, and when it ends."""


def one_trial(spec: SweepSpec, sweep: SweepRecord, record: TrialRecord) -> dict[str, object]:
    """The spec of the sweep, with this trial's values and seed in place of the search, and without
    caps on the whole sweep."""
    values = dict(record.params)
    tree = {key: value for key, value in spec.tree.items() if key not in _NOT_ITS}
    for name in values:  # a user's own trial may have others than the file
        tree = unset(tree, name)
    for name, value in _by_the_search(spec, record).items():
        tree = changed(tree, name, value)
    budget, slots, search = (_mapping(tree.get(key)) for key in ("budget", "slots", "search"))
    values |= {name: value for name, value in record.repairs.items() if name in values}
    others = {name: value for name, value in record.repairs.items() if name not in values}
    if (stage := others.pop(STAGE, None)) is not None:
        slots["deepspeed"] = {**_mapping(slots.get("deepspeed")), "zero_stage": stage}
    if lanes_of(spec) == 1:
        slots["lanes"] = 1  # without what made it so, such as forks, auto would be a lane
    return {
        **tree,
        "name": f"{sweep.name[:50]}-trial-{record.trial}",
        "seed": record.config["seed"],
        "budget": {**apart(budget)[1], "trials": 1},
        "search": {
            **{key: value for key, value in search.items() if key in _SEARCH},
            "sampler": "random",
            "early_stopping": "none",
        },
        "slots": {**{k: v for k, v in slots.items() if k not in ("max", "min")}, "count": 1},
        **others,
        "space": {name: {"choice": [value]} for name, value in values.items()},
    }


def _by_the_search(spec: SweepSpec, record: TrialRecord) -> dict[str, object]:
    """Those fields of the trial that a file with its values alone would not give it."""
    alone = spec.trial.flat()
    if not holds(spec.tree, _GENERATE_AT):
        alone[_GENERATE_AT] = None  # early stopping by answers has asked for more of them
    found = {name: record.config.get(name) for name in _BY_THE_SEARCH}
    return {name: v for name, v in found.items() if v is not None and v != alone.get(name)}


def as_yaml(tree: Mapping[str, object]) -> str:
    """The tree as a sweep file."""
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True)


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, Mapping) else {}
