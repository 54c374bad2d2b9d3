"""Causal language modelling: all of a text, as in pretraining."""

from __future__ import annotations

from trainables.objectives.objective import Objective


class Clm(Objective):
    """Continued pretraining."""

    name = "clm"
    scores_single_rows = True
    learns_text = True
    reads_chats = False
    no_packing = "already fills its sequences by cutting text into blocks of max_length"


CLM = Clm()
