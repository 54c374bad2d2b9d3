"""Supervised fine-tuning: the answers of chats."""

from __future__ import annotations

from trainables.objectives.objective import Objective


class Sft(Objective):
    """Supervised fine-tuning."""

    name = "sft"
    scores_single_rows = True
    writes_answers = True
    asks_prompts = True
    learns_text = True
    has_usual_rates = True


SFT = Sft()
