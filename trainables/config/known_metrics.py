"""Metrics in a message about an unknown one: the one that was meant, or all, by what they measure.

The text fits a terminal of 100 columns below the margin of a list of mistakes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from search_spaces.problem import nearest
from trainables.metrics.classes import CLASS_METRIC
from trainables.metrics.metric import Mode
from trainables.metrics.registry import METRICS, metrics_of
from trainables.metrics.written import GENERATION

_WIDTH = 96
_MARGIN = "    "
_CLOSE = 0.7
"""Likeness of a misspelt name to the meant one; all names share `eval_`, which does not count."""

_SHARED = re.compile(r"eval(uation)?[^a-z]*", re.IGNORECASE)
"""The shared beginning, as it may be misspelt."""

_GROUPS = {
    None: "on the validation set",
    "data.general": "with data.general",
    GENERATION: "on generated answers",
    "rl.reward_model": "with rl.reward_model",
    "rl.held_out": "with rl.held_out",
}


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known metric whose name was probably misspelt."""
    short = {each.removeprefix("eval_"): each for each in known}
    found = nearest(_SHARED.sub("", name), short, _CLOSE)
    return None if found is None else short[found]


def way_out(name: str, known: Sequence[str]) -> str:
    """A remedy for a name that is none of the known: the one that was meant, or all of them."""
    near = meant(name, known)
    return f"did you mean {near}?" if near else f"there is\n{_paragraph(', '.join(known))}"


def listed(objective: str, own: Mapping[str, Mode], target: str | None = None) -> str:
    """All that trials of an objective can measure, and a user's `own`: a paragraph each."""
    names = metrics_of(objective, target)
    modes = {
        title: {name: METRICS[name].mode for name in names if METRICS[name].needs == needed}
        for needed, title in _GROUPS.items()
    }
    if objective == "classification":
        modes[_GROUPS[None]][f"{CLASS_METRIC}LABEL"] = "max"
    return "\n".join(
        _paragraph(f"{title}: {_with_modes(each)}")
        for title, each in {**modes, "your own": own}.items()
        if each
    )


def _with_modes(modes: Mapping[str, Mode]) -> str:
    return ", ".join(f"{name} ({mode})" for name, mode in modes.items())


def _paragraph(text: str) -> str:
    whole = text.replace(" (", "\N{NO-BREAK SPACE}(")  # a mode stays beside its name
    lines = textwrap.wrap(whole, _WIDTH - len(_MARGIN), subsequent_indent="  ")
    return "\n".join(_MARGIN + line for line in lines).replace("\N{NO-BREAK SPACE}", " ")
