"""The result of a check: figures by name, and a fault if there is one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

Figure = float | int | str | None | list[float] | list[int]


@dataclass(frozen=True)
class Finding:
    """The figures of a check; `fault` says why a check that came to its end failed."""

    figures: Mapping[str, Figure]
    fault: str | None = None


def report(measure: Callable[[argparse.Namespace], Finding], *flags: str) -> None:
    """Run a check with this process's arguments, and write its finding to the file in them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True, help="where model and data are")
    parser.add_argument("--out", type=Path, required=True, help="the file for the finding")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal with a tiny model")
    for flag in flags:
        parser.add_argument(flag, nargs="?", const="yes")
    options = parser.parse_args()
    keep(options, measure(options))


def keep(options: argparse.Namespace, finding: Finding) -> None:
    """Write a finding in one move. What a check has found so far is not lost with what follows."""
    draft = options.out.with_suffix(".partial")
    draft.write_text(json.dumps(asdict(finding)), encoding="utf-8")
    draft.replace(options.out)
