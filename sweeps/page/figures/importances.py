"""The importance of each parameter as bars."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.advice.importance import Importance
from sweeps.page.figures.figure import Figure, Trace, axis, listed
from sweeps.page.figures.palette import ACCENT, SECOND
from sweeps.verdict.results import Results


def importances(results: Results, found: Importance, key: str, of_what: str) -> Figure | None:
    """None if there are too few trials to say."""
    names = [*found.fanova, *found.ped_anova]
    if not names:
        return None
    ordered = found.ordered(list(dict.fromkeys(names)))[::-1]
    top = ordered[-1]
    return Figure(
        key,
        f"Importance over {of_what}",
        f"Over {found.counted}, {top} matters most for {results.metric}.",
        f"{found.counted}. fANOVA: the share of the variation in {results.metric} that the "
        "parameter explains on average over the whole space; of a parameter that only some trials "
        "have, over these alone. PED-ANOVA: its share in reaching the "
        f"best {found.top} trials.",
        [
            _bars("PED-ANOVA", ordered, found.ped_anova, SECOND, "/"),
            _bars("fANOVA", ordered, found.fanova, ACCENT, ""),
        ],
        {
            "barmode": "group",
            "xaxis": axis("share", tickformat=".0%", rangemode="tozero"),
            "yaxis": axis("", type="category"),
        },
    )


def _bars(
    name: str, names: list[str], shares: Mapping[str, float], colour: str, pattern: str
) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(names),
        "x": listed([shares.get(each, 0.0) for each in names]),
        "marker": {"color": colour, "pattern": {"shape": pattern}},
        "hovertemplate": f"%{{y}}, {name}: %{{x:.1%}}<extra></extra>",
    }
