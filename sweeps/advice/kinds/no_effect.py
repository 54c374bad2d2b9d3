"""A parameter without effect on the result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from sweeps.advice.advice import Advice, Adviser
from sweeps.advice.importance import importance
from sweeps.display.parameters import show_value
from sweeps.verdict.results import Results

_FEWEST = 20
"""Number of complete trials below which a small importance may be chance."""

_LITTLE = 0.03
"""Share of the importance below which a parameter counts as without effect, by both evaluators."""


class NoEffect(Adviser):
    """A share below 3% by fANOVA and by PED-ANOVA, over at least 20 complete trials."""

    name: ClassVar[str] = "no_effect"

    def look(self, results: Results) -> Iterator[Advice]:
        """One for each such parameter on which no other depends."""
        complete = results.complete()
        if results.spec is None or results.ranking.several or len(complete) < _FEWEST:
            return
        found = importance(results, complete)
        winner = results.winner
        assert winner is not None, "there are complete trials"
        parents = {name for each in results.spec.space.values() for name in each.parents}
        for name, share in found.fanova.items():
            other = found.ped_anova.get(name)
            if other is None or max(share, other) >= _LITTLE:
                continue
            if name in parents or name not in winner.params:
                continue
            value = winner.params[name]
            yield Advice(
                f"{name} has hardly any effect",
                f"It explains {share:.1%} of the variation by fANOVA and {other:.1%} by PED-ANOVA, "
                f"over {found.trials} complete trials. Fixed at the winner's {show_value(value)}, "
                "it leaves more trials for the others.",
                {name: value},
                fixed=name,
            )


KIND = NoEffect()
