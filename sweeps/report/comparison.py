"""Several sweeps side by side in the terminal, and as JSON for scripts."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from results.ranking.figures import size
from results.ranking.strict import strict
from results.ranking.summary import trial_counts
from sweeps.display.duration import duration
from sweeps.display.trial_table import TrialRow, TrialTable, plain_table
from sweeps.verdict.comparison import Comparison, Entry

WIDTH = 100


def comparison_report(comparison: Comparison) -> RenderableType:
    """The sweeps with their winners, what differs in their files, and which is best."""
    titles = dict.fromkeys(
        ("sweep", "complete", "trained", comparison.metric, "behind", "trial"), 0
    )
    rows = [_row(entry, comparison) for entry in comparison.entries]
    parts: list[RenderableType] = [TrialTable(titles, rows, left=("sweep",))]
    if comparison.settings:
        parts += [Text("\nSettings that differ", "bold"), _settings(comparison)]
    first, *others = comparison.sentences()
    return Group(*parts, Text(f"\n{first}", "bold"), Text(" ".join(others)))


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """The sweeps, best first. `behind` and its `standard_error` are to the best of all; `best` and
    both are null where there are none. `settings` have one value for each sweep."""
    return {
        "metric": comparison.metric,
        "mode": comparison.mode,
        "sweeps": [_entry(entry, comparison) for entry in comparison.entries],
        "settings": {name: strict(list(each)) for name, each in comparison.settings.items()},
        "verdict": comparison.sentences(),
    }


def _row(entry: Entry, comparison: Comparison) -> TrialRow:
    results, winner = entry.results, entry.winner
    complete = f"{len(results.ranking.winners)} of {len(results.trials)}"
    used = duration(sum(record.seconds for record in results.trials))
    if winner is None:
        cells = (entry.name, complete, used, "", "", "")
        return TrialRow(cells, words="no complete trial", style="dim")
    cells = (
        entry.name,
        complete,
        used,
        size(winner.value),
        entry.distance,
        str(winner.record.number),
    )
    style = "bold green" if entry is comparison.entries[0] else ""
    return TrialRow(cells, winner.record.params, style=style)


def _settings(comparison: Comparison) -> RenderableType:
    table = plain_table("", *(entry.name for entry in comparison.entries))
    for name, values in comparison.shown_settings():
        table.add_row(name, *values)
    return table


def _entry(entry: Entry, comparison: Comparison) -> dict[str, object]:
    results, winner = entry.results, entry.winner
    cluster = results.folder.store.cluster()
    return {
        "sweep": entry.name,
        "state": results.sweep.state.value,
        "trials": trial_counts(results.sweep, results.trials),
        "best": winner
        and {
            "trial": winner.record.number,
            "value": winner.value,
            "params": strict(winner.record.params),
        },
        "behind": entry.behind,
        "standard_error": entry.measured.standard_error if entry.measured else None,
        "base": strict(results.sweep.base.get(comparison.metric)),
        "seconds": sum(record.seconds for record in results.trials),
        "tokens": sum(record.tokens for record in results.trials),
        "cost": cluster.cost if cluster else None,
    }
