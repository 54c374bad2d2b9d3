"""All objectives, by name."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.core.discovery import found_in
from trainables.core.frozen import Frozen
from trainables.objectives.objective import Objective

OBJECTIVES: Mapping[str, Objective] = found_in("trainables.objectives", Objective)

SECTIONS: Mapping[str, type[Frozen]] = {
    name: settings
    for objective in OBJECTIVES.values()
    for name, settings in objective.sections.items()
}
"""The settings of all objectives, by the name of their section."""
