"""Records as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from results.records.record import Mode, TrialRecord

if TYPE_CHECKING:
    import pandas as pd


def to_frame(records: Sequence[TrialRecord], goals: Mapping[str, Mode]) -> pd.DataFrame:
    """One row per trial, in the given order: its searched params and the metrics that count.

    Metrics are of the best evaluation with a single goal, and of the last one with several. Trials
    that cannot win are included; `status` tells them apart. Absent values are missing (NaN or
    None).
    """
    import pandas as pd

    params = _names(record.params for record in records)
    metrics = _names(m.metrics for record in records for m in record.measurements)
    columns = ["number", "status", *params, *metrics, "seconds", "tokens_per_second", "error"]
    return pd.DataFrame([_row(record, goals) for record in records], columns=columns)


def _row(record: TrialRecord, goals: Mapping[str, Mode]) -> dict[str, object]:
    counts = record.counted(goals)
    return {
        **record.params,
        **(counts.metrics if counts else {}),
        "number": record.number,
        "status": record.status.value,
        "seconds": record.seconds,
        "tokens_per_second": record.tokens_per_second,
        "error": record.error,
    }


def _names(mappings: Iterable[Mapping[str, object]]) -> list[str]:
    """All keys, in the order in which they first appear."""
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))
