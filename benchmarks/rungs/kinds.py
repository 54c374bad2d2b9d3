"""The sweeps: what each trains, on what, and what it searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.replay.table import POINTS

_SCHEDULES = {
    "schedule": {"choice": ["cosine", "linear", "constant", "wsd"]},
    "wsd.decay_fraction": {"uniform": [0.05, 0.5], "when": {"schedule": "wsd"}},
    "floor_fraction": {
        "uniform": [0.0, 0.3],
        "when": {"schedule": ["cosine", "linear", "wsd"]},
    },
    "warmup_fraction": {"uniform": [0.0, 0.2]},
}

_LORA = {
    "lora.rank": {"choice": [2, 8, 32]},
    "lora.dropout": {"choice": [0.0, 0.1]},
}


def _sizes(*sizes: int) -> Mapping[str, Any]:
    return {"batch_size": {"choice": list(sizes)}}


_CHANGES: Mapping[str, tuple[Any, ...]] = {
    "learning_rate": (1 / 3, 1 / 2, 2.0, 3.0),
    "wsd.decay_fraction": (0.05, 0.5),
    "floor_fraction": (0.1, 0.3),
    "schedule": ("constant", "linear", "cosine"),
}
"""Changes one at a time; those of the learning rate are factors."""

EXAMPLES = 200
"""Validation examples, where the data have more."""

LENGTH = 96
"""Tokens of an example at most."""


def trees(data: Path) -> Mapping[str, Mapping[str, Any]]:
    """The sweep files by name, on data of a folder laid out as SWEEP_TEST_DATA.

    Trials of a short sweep have half the tokens in twice the batch: a quarter of the steps.
    """
    kinds = {
        "instructions": _instructions(data),
        "plays": _plays(data),
        "preferences": _preferences(data),
        "headlines": _headlines(data),
    }
    short = {
        f"{name}-short": _shortened(kinds[name])
        for name in ("instructions", "plays", "preferences")
    }
    return {
        name: {
            "name": name,
            "model": str(data / "models/stories260K_hf"),
            "precision": "fp32",
            "search": {"sampler": "random", "early_stopping": "none", "metric": "eval_loss"},
            **own,
        }
        for name, own in {**kinds, **short}.items()
    }


def changes_of(best: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Settings with a middling decay, and with one of them changed at a time."""
    usual = {"schedule": "wsd", "wsd.decay_fraction": 0.2, "floor_fraction": 0.0}
    middle = {**best, **usual}
    yield middle
    for name, values in _CHANGES.items():
        for value in values:
            new = middle[name] * value if name == "learning_rate" else value
            changed = {**middle, name: new}
            if name == "schedule":
                del changed["wsd.decay_fraction"]
            yield changed


def _shortened(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    budget, space = tree["budget"], tree["space"]
    sizes = [2 * size for size in space["batch_size"]["choice"]]
    return {
        **tree,
        "budget": {**budget, "tokens": budget["tokens"] // 2},
        "space": {**space, "batch_size": {"choice": sizes}},
    }


def _rate(low: float, high: float) -> Mapping[str, Any]:
    return {"learning_rate": {"log_uniform": [low, high]}}


def _budget(tokens: int) -> Mapping[str, int]:
    return {"trials": 1, "tokens": tokens, "evaluations": POINTS}


def _instructions(data: Path) -> Mapping[str, Any]:
    return {
        "objective": "sft",
        "method": "lora",
        "data": _data(data / "sft/instruction-data.json", EXAMPLES / 1100),
        "budget": _budget(60_000),
        "space": {**_rate(1e-3, 1e-1), **_LORA, **_sizes(2, 4, 8, 16), **_SCHEDULES},
    }


def _plays(data: Path) -> Mapping[str, Any]:
    return {
        "objective": "clm",
        "method": "full",
        "data": _data(data / "corpus/tinyshakespeare.txt", 0.02),
        "budget": _budget(80_000),
        "space": {**_rate(2e-4, 2e-2), **_sizes(2, 4, 8, 16), **_SCHEDULES},
    }


def _headlines(data: Path) -> Mapping[str, Any]:
    return {
        "objective": "classification",
        "method": "full",
        "data": _data(data / "cls/thucnews_dev.txt", 0.03),
        "budget": _budget(80_000),
        "space": {**_rate(2e-4, 2e-2), **_sizes(4, 8, 16, 32), **_SCHEDULES},
    }


def _preferences(data: Path) -> Mapping[str, Any]:
    return {
        "objective": "dpo",
        "method": "lora",
        "data": _data(data / "pref/instruction-data-with-preference.json", EXAMPLES / 1100),
        "budget": _budget(80_000),
        "space": {**_rate(1e-4, 1e-2), **_LORA, **_sizes(2, 4, 8, 16), **_SCHEDULES},
    }


def _data(file: Path, validation: float) -> Mapping[str, Any]:
    return {"train": str(file), "validation": validation, "max_length": LENGTH}
