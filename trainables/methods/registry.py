"""All tuning methods, by name."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.core.discovery import found_in
from trainables.core.frozen import Frozen
from trainables.methods.method import Method

METHODS: Mapping[str, Method] = found_in("trainables.methods", Method)  # type: ignore[type-abstract]

SECTIONS: Mapping[str, type[Frozen]] = {
    name: settings for method in METHODS.values() for name, settings in method.sections.items()
}
"""The settings of all methods, by the name of their section."""
