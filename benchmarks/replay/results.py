"""Results of replays as JSON, in pieces that can be joined."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.replay.clock import Outcome


class Case(NamedTuple):
    """What one group of searches has in common but for their seeds."""

    table: str
    workers: int
    way: str


Results = dict[Case, dict[int, list[Outcome]]]
"""The outcomes at rising budgets, by seed."""


def write(results: Results, path: Path) -> None:
    """Write results to a file, whole or not at all."""
    tree = [
        {**case._asdict(), "seed": seed, "outcomes": [vars(each) for each in outcomes]}
        for case, seeds in results.items()
        for seed, outcomes in seeds.items()
    ]
    draft = path.with_suffix(".partial")
    draft.write_text("[\n" + ",\n".join(map(json.dumps, tree)) + "\n]\n")
    draft.rename(path)


def read(paths: Iterable[Path]) -> Results:
    """The results in these files together."""
    results: defaultdict[Case, dict[int, list[Outcome]]] = defaultdict(dict)
    for path in paths:
        for each in json.loads(path.read_text()):
            case = Case(each["table"], each["workers"], each["way"])
            results[case][each["seed"]] = [Outcome(**outcome) for outcome in each["outcomes"]]
    return dict(results)
