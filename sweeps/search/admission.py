"""Whether the search may begin a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum


class Admission(Enum):
    """Now, perhaps once more is known of those under way, or never."""

    NOW = "now"
    PERHAPS = "perhaps"
    NEVER = "never"


Admits = Callable[[Mapping[str, object], int, float], Admission]
"""Whether a trial with these params and this number may begin, and take over this share of its
steps from another."""
