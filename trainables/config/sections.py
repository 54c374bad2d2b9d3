"""The sections of methods and objectives, and which trials read which field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainables.config.optimizer_config import READ_BY
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


CHOOSE = ("method", "objective", "schedule", "optimizer.name")
"""The fields on whose values it depends which others are read."""


def reads(name: str, chosen: Mapping[str, Sequence[str]]) -> bool:
    """Whether a trial reads a field; `chosen` are the possible values of each field in CHOOSE."""
    section, _, inner = name.partition(".")
    known = [METHODS[each] for each in chosen["method"] if each in METHODS]
    if section in _OF_TRAINING and known and not any(method.trains for method in known):
        return False
    if (readers := READ_BY.get(name)) is not None:
        return not {*readers}.isdisjoint((*chosen["schedule"], *chosen["optimizer.name"]))
    if not inner or section not in (*SECTIONS, "wsd"):
        return True
    kinds: list[Kind] = [*known]
    kinds += [OBJECTIVES[name] for name in chosen["objective"] if name in OBJECTIVES]
    return section in chosen["schedule"] or any(section in kind.sections for kind in kinds)
