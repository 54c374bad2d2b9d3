"""All advice on a sweep."""

from __future__ import annotations

from sweeps.advice.advice import Advice, Adviser
from sweeps.base.errors import SweepError
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.results import Results
from trainables.core.discovery import found_in

ADVISERS = found_in("sweeps.advice.kinds", Adviser)  # type: ignore[type-abstract]


def advise(results: Results) -> list[Advice]:
    """What the records suggest for the next sweep; nothing without a spec or a complete trial.

    A change that would make the sweep file invalid, such as a range beyond what a field can take,
    is left out with its advice.
    """
    if results.spec is None or not results.complete():
        return []
    found = [advice for adviser in ADVISERS.values() for advice in adviser.look(results)]
    return [advice for advice in found if not advice.changes or _is_valid(results.spec, advice)]


def _is_valid(spec: SweepSpec, advice: Advice) -> bool:
    try:
        SweepSpec.parse(advice.applied(spec.tree), elsewhere=True)
    except SweepError:
        return False
    return True
