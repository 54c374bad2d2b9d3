"""Quotes of dry runs, kept for the launch of the same sweep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from results.records.quote import Quote
from sweeps.spec.spec import SweepSpec

_ELSEWHERE = ("name", "tracking", "storage", "register")
"""Sections that change nothing of what a sweep takes."""


def keep(cache: Path, spec: SweepSpec, quote: Quote) -> None:
    """Keep the quote of this spec."""
    place = _place(cache, spec.tree)
    with suppress(OSError):  # a launch without it is no worse
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(quote.model_dump_json())


def kept(cache: Path, spec: SweepSpec) -> dict[str, float]:
    """The fields of the latest quote of this spec; empty without one."""
    with suppress(OSError, ValueError):
        quote = Quote.model_validate_json(_place(cache, spec.tree).read_text())
        return {name: float(value) for name, value in quote}
    return {}


def _place(cache: Path, tree: Mapping[str, object]) -> Path:
    what = {key: value for key, value in tree.items() if key not in _ELSEWHERE}
    digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()
    return cache / "quotes" / f"{digest[:16]}.json"
