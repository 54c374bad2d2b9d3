"""What the fields of a record are called. A role is the first name; others are read as well.

`data.columns` maps a role to whatever a file calls it.
"""

from __future__ import annotations

from collections.abc import Mapping

ROLES = (
    "text",
    "label",
    "prompt",
    "completion",
    "instruction",
    "input",
    "output",
    "system",
    "messages",
    "conversations",
    "chosen",
    "rejected",
    "chosen_messages",
    "rejected_messages",
    "reward",
    "weight",
)

ALIASES: Mapping[str, tuple[str, ...]] = {
    "text": ("sentence", "content", "review"),
    "label": ("category", "class", "kto_tag"),
    "prompt": ("question",),
    "completion": ("response",),
    "chosen": ("response_chosen",),
    "rejected": ("response_rejected",),
    "reward": ("score",),
}
"""Other names that a field of that role may have, the likeliest first."""

NUMBERS = frozenset({"reward", "score", "weight"})
"""Fields that hold numbers, also in files whose cells are all text."""

KNOWN_NAMES = frozenset(ROLES).union(*ALIASES.values())
"""A first row of a table with one of these in it is a header."""
