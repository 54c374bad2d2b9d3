"""The names of a record's fields. A role is the first name; the others are accepted as well.

`data.columns` maps a role to its name in a file.
"""

from __future__ import annotations

from collections.abc import Mapping

ROLES = (
    "text",
    "text_pair",
    "label",
    "prompt",
    "completion",
    "instruction",
    "input",
    "output",
    "system",
    "history",
    "context",
    "tools",
    "messages",
    "conversations",
    "chosen",
    "rejected",
    "chosen_messages",
    "rejected_messages",
    "reward",
    "weight",
    "references",
)

NAMED_ONLY = ("references",)
"""Roles of a column only if `data.columns` says so: elsewhere, the name may mean anything."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "text": ("sentence", "content", "review"),
    "label": ("category", "class", "kto_tag", "labels", "gold_label", "is_duplicate", "score"),
    "prompt": ("question", "questions", "query", "problem", "input"),
    "completion": ("response", "answer", "answers", "output", "solution"),
    "input": ("context",),
    "output": ("response", "answer", "completion"),
    "messages": ("dialog", "dialogue", "utterances", "turns", "chat"),
    "conversations": ("conversation",),
    "tools": ("functions",),
    "chosen": ("response_chosen",),
    "rejected": ("response_rejected",),
    "reward": ("score",),
}
"""Other names accepted for a role's field, the likeliest first."""

TEXT_PAIRS = (
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("question", "sentence"),
    ("question", "passage"),
    ("query", "passage"),
    ("sentence_A", "sentence_B"),
    ("text1", "text2"),
    ("text_a", "text_b"),
)
"""Columns read as a pair of texts in classification; most are those of GLUE and its kin."""

NUMBERS = frozenset({"reward", "score", "weight"})
"""Fields that hold numbers, even in files whose cells are all text."""

KNOWN_NAMES = frozenset(ROLES).difference(NAMED_ONLY).union(*ALIASES.values(), *TEXT_PAIRS)
"""A table's first row that contains one of these is a header."""
