"""The sections of methods and objectives, and which trials read which field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainables.core.frozen import Frozen
from trainables.core.kind import Kind
from trainables.methods import registry as methods
from trainables.methods.registry import METHODS
from trainables.objectives import registry as objectives
from trainables.objectives.registry import OBJECTIVES

SECTIONS: Mapping[str, type[Frozen]] = {**methods.SECTIONS, **objectives.SECTIONS}
"""The settings classes of methods and objectives, by the name of their section."""

_OF_TRAINING = frozenset(
    {
        *("learning_rate", "batch_size", "batch_ramp", "schedule", "warmup_fraction", "wsd"),
        *("floor_fraction", "optimizer", "gradient_checkpointing", "label_smoothing"),
        "neftune_noise",
    }
)
"""Fields that a trial reads only if it trains."""


def reads(
    name: str, methods: Sequence[str], objectives: Sequence[str], schedules: Sequence[str]
) -> bool:
    """Whether a trial of one of these methods, objectives and schedules reads a field."""
    section, _, inner = name.partition(".")
    known = [METHODS[each] for each in methods if each in METHODS]
    if section in _OF_TRAINING and known and not any(method.trains for method in known):
        return False
    if not inner or section not in (*SECTIONS, "wsd"):
        return True
    kinds: list[Kind] = [*known]
    kinds += [OBJECTIVES[name] for name in objectives if name in OBJECTIVES]
    return section in schedules or any(section in kind.sections for kind in kinds)
