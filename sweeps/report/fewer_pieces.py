"""Trials whose prompts had no room for all examples or passages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from results.records.record import TrialRecord
from trainables.metrics.effort import LOOKED_UP

_ASKED = ("few_shot.count", "rag.passages")


def fewer_pieces(trials: Sequence[TrialRecord]) -> str:
    """How many were in a prompt, where fewer than asked for; empty if all were."""
    found = []
    for trial in trials:
        asked = next((trial.config[name] for name in _ASKED if name in trial.config), None)
        had = next((m.metrics.get(LOOKED_UP.name) for m in trial.measurements), None)
        if isinstance(asked, int) and had is not None and had < asked:
            found.append(f"trial {trial.number}: {math.floor(10 * had) / 10} of {asked}")
    if not found:
        return ""
    shown = "; ".join(found[:5]) + (f"; and {len(found) - 5} more trials" if len(found) > 5 else "")
    return (
        "Prompts with fewer examples or passages than asked for, on average, as no more were found "
        f"or fit the context with evaluation.max_new_tokens: {shown}."
    )
