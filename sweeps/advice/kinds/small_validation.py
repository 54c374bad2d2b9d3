"""The validation set is too small for the difference between the best trials."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from sweeps.advice.advice import Advice, Adviser
from sweeps.verdict.paired import paired
from sweeps.verdict.results import Results
from sweeps.verdict.single import SURE, behind_the_top

_MOST_TIMES = 100.0
"""Growth of the set beyond which the trials count as equally good, and the advice is silent."""

_LARGEST = 0.5
"""Largest share of the data that is proposed for validation."""


class SmallValidation(Adviser):
    """The lead over the next trial is below two standard errors. Of a confirmed lead the verdict
    speaks, which covers seeds, too."""

    name: ClassVar[str] = "small_validation"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one."""
        second = behind_the_top(results.ranking) if results.ranking.winners else None
        if second is None or results.spec is None or results.ranking.several or results.confirmed:
            return
        first = results.ranking.winners[0].record.number
        lead = paired(results.sweep, results.folder, first, second.record.number)
        if lead is None or not 0 < abs(lead.z) < SURE:
            return
        times = (SURE / abs(lead.z)) ** 2
        if times > _MOST_TIMES:
            return
        wanted = math.ceil(lead.count * times)
        changes = _larger(results, times)
        yield Advice(
            "The validation set is small for this lead",
            f"The lead over trial {second.record.number}, {abs(lead.mean):.4f}, is "
            f"{abs(lead.z):.1f} standard errors over {lead.count:,} examples. If it is real, about "
            f"{wanted:,} would show it at {SURE:g}.",
            changes,
            remedy="" if changes else f"data.validation: a file with about {wanted:,} examples",
        )


def _larger(results: Results, times: float) -> dict[str, object]:
    """A larger share for validation; nothing if it is a file, or the share would be too large."""
    data = results.spec.trial.data if results.spec else None
    share = data.validation if data else None
    if not isinstance(share, float) or share * times > _LARGEST:
        return {}
    return {"data.validation": math.ceil(share * times * 1000) / 1000}


KIND = SmallValidation()
