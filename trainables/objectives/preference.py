"""What the objectives that learn from preferences have in common."""

from __future__ import annotations

from trainables.objectives.objective import Objective


class Preference(Objective):
    """Learns which of two answers to a prompt is better."""

    writes_answers = True
    no_packing = "scores each sequence separately; only sft supports packing"
