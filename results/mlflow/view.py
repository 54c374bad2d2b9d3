"""A sweep's trials as MLflow's UI shows them: a shared view state, kept as an experiment's tag.

The UI opens the view whose key its address names. Its fields are those of MLflow 3.17's page of
runs; an unknown or missing one falls back to its default.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence

from results.mlflow.tags import KIND, LONGEST_TAG, PARENT, TRIAL
from results.records.record import Mode, SweepRecord

VIEW = "mlflow.sharedViewState."
"""Prefix of the tags; the rest is the view's key."""

_MOST_RUNS = 1000
_TOTALS = ("seconds", "peak_memory_bytes")


def key_of(parent: str) -> str:
    """The key of the view of a sweep's trials."""
    return f"winnow-{parent[:16]}"


def page_of(experiment_id: str, parent: str) -> str:
    """The page with the view, below the server's address."""
    return f"/#/experiments/{experiment_id}/runs?viewStateShareKey={key_of(parent)}"


def view_state(record: SweepRecord, searched: Sequence[str]) -> str:
    """The trials of a sweep without folding, the best first, with their searched values and metrics
    as columns, and as parallel coordinates."""
    assert record.run_id is not None, "a tracked sweep has a run"
    metrics, mode = _metrics(record.goals), record.mode
    shown = [*(f"params.`{name}`" for name in searched), *(f"metrics.`{m}`" for m in metrics)]
    others = [f"metrics.`{name}`" for name in _TOTALS]
    attributes = [f"attributes.`{name}`" for name in ("Dataset", "Source", "Models")]
    text = json.dumps(
        {
            "searchFilter": f"tags.`{PARENT}` = '{record.run_id}' and tags.`{KIND}` = '{TRIAL}'",
            "orderByKey": f"metrics.`{metrics[0]}`",
            "orderByAsc": mode == "min",
            "selectedColumns": [*shown, *others, *attributes],
            "runsHiddenMode": "SHOW_ALL",
            "compareRunSections": [_section()],
            "compareRunCharts": [_parallel(searched, metrics)],
        }
    )
    return text if len(text) <= LONGEST_TAG else _deflated(text)


def _metrics(goals: Mapping[str, Mode]) -> list[str]:
    """A single metric by each trial's best value, several by their last ones."""
    return [f"best_{name}" for name in goals] if len(goals) == 1 else list(goals)


def _section() -> dict[str, object]:
    """One chart across the page."""
    shown = {"uuid": "winnow", "name": "Sweep", "display": True, "isReordered": False}
    return {**shown, "columns": 1, "cardHeight": 460}


def _parallel(searched: Sequence[str], metrics: Sequence[str]) -> dict[str, object]:
    return {
        "uuid": "winnow-parallel",
        "type": "PARALLEL",
        "metricSectionId": "winnow",
        "deleted": False,
        "isGenerated": False,
        "runsCountToCompare": _MOST_RUNS,
        "selectedParams": list(searched),
        "selectedMetrics": list(metrics),
        "showAllRuns": True,
    }


def _deflated(text: str) -> str:
    """MLflow's own way to fit a long state into a tag."""
    return f"deflate;{base64.b64encode(zlib.compress(text.encode())).decode()}"
