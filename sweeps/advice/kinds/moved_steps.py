"""The batch size changed the number of optimizer steps."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import ClassVar

from sweeps.advice.advice import Advice, Adviser
from sweeps.verdict.results import Results

_BATCH = "batch_size"
_TIMES = 2.0
"""Ratio of most to fewest steps from which the two effects are mixed up."""


class MovedSteps(Adviser):
    """A searched batch size under a budget in epochs or tokens, with twice the steps at one end."""

    name: ClassVar[str] = "moved_steps"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one."""
        if results.spec is None or _BATCH not in results.spec.space:
            return
        budget = results.spec.trial.budget
        if budget.steps is not None:
            return
        steps = {r.number: r.measurements[-1].step for r in results.complete()}
        batches = {r.number: r.params.get(_BATCH) for r in results.complete()}
        if len(set(batches.values())) < 2 or max(steps.values()) < _TIMES * min(steps.values()):
            return
        by_steps = sorted(steps, key=lambda number: steps[number])
        few, many = by_steps[0], by_steps[-1]
        measure = "epochs" if budget.epochs is not None else "tokens"
        yield Advice(
            "batch_size changed the number of steps",
            f"A budget in {measure} gave {steps[few]:,} steps at batch_size {batches[few]} and "
            f"{steps[many]:,} at {batches[many]}: a part of its effect is the number of updates. "
            "A budget in steps separates the two; larger batches then see more data.",
            {"budget.steps": int(median(steps.values())), f"budget.{measure}": None},
        )


KIND = MovedSteps()
