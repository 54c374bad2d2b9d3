"""The next sweep's file: this one's, with the advised changes, started from its trials."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from sweeps.advice.advice import Advice
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepHome
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.results import Results

_NUMBERED = re.compile(r"(.*)-(\d+)")


def next_tree(results: Results, advice: Sequence[Advice]) -> tuple[dict[str, object], list[Advice]]:
    """The next sweep file, and the advice in it: all that together still makes a valid file.

    SweepError without a readable spec or a complete trial.
    """
    name = results.sweep.name
    if results.spec is None:
        raise SweepError(
            f"sweep {name!r}: its sweep file cannot be read, or names files that have gone; "
            "restore them"
        )
    if not results.complete():
        raise SweepError(f"sweep {name!r}: no trial is complete, so nothing can be said of a next")
    tree: dict[str, object] = {**results.spec.tree, "name": next_name(name)}
    taken: list[Advice] = []
    for each in advice:
        changed = each.applied(tree)
        if each.changes and not _conflicts(each, taken) and _is_valid(changed):
            tree = changed
            taken.append(each)
    return _warm_started(tree, results), taken


def next_name(name: str) -> str:
    """`alpaca` becomes `alpaca-2`, and that `alpaca-3`."""
    found = _NUMBERED.fullmatch(name)
    head, number = (found[1], int(found[2]) + 1) if found else (name, 2)
    return f"{head[: 63 - len(str(number))]}-{number}"


def write_next(tree: Mapping[str, object], advice: Sequence[Advice], path: Path) -> None:
    """Write the file with the reasons as comments; SweepError if it exists."""
    reasons = [f"# {each.title}: {_first_line(each.change)}" for each in advice]
    text = yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join([*reasons, text]))
    except FileExistsError:
        raise SweepError(f"{path} already exists; choose another file with -o") from None
    except OSError as error:
        error.filename = error.filename or str(path)  # "disk full" has no file name
        raise


def _first_line(text: str) -> str:
    return "; ".join(text.split("\n"))


def _conflicts(advice: Advice, taken: Sequence[Advice]) -> bool:
    """Whether earlier advice has already changed one of its fields."""
    fields = {name for each in taken for name in each.changes}
    return not fields.isdisjoint(advice.changes)


def _is_valid(tree: Mapping[str, object]) -> bool:
    try:
        SweepSpec.parse(tree, elsewhere=True)
    except SweepError:
        return False
    return True


def _warm_started(tree: dict[str, object], results: Results) -> dict[str, object]:
    """Started from this sweep's trials and from what it was started from, if that still exists, in
    place of the points that it had to try first."""
    home = SweepHome(results.folder.path.parents[1])
    if SweepSpec.parse(tree, elsewhere=True).search.sampler_kind.finite:
        return tree  # it tries every point anyway
    search = tree.get("search")
    given = search if isinstance(search, Mapping) else {}
    kept = {key: value for key, value in given.items() if key != "first_points"}
    before = results.spec.search.warm_start if results.spec else ()
    names = [*(name for name in before if home.sweep(name).books.exists()), results.sweep.name]
    return {**tree, "search": {**kept, "warm_start": names}}
