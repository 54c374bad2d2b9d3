"""Records as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from results.record import Mode, TrialRecord

if TYPE_CHECKING:
    import pandas as pd


def to_frame(records: Sequence[TrialRecord], metric: str, mode: Mode) -> pd.DataFrame:
    """One row per trial: its searched params, and the metrics of its best evaluation by `metric`.

    Rows come by number. Trials that cannot win are there too; `status` tells them apart. What a
    trial does not have is missing (NaN or None).
    """
    import pandas as pd

    ordered = sorted(records, key=lambda record: record.number)
    rows = [_row(record, metric, mode) for record in ordered]
    params = _names(record.params for record in ordered)
    metrics = _names(m.metrics for record in ordered for m in record.measurements)
    columns = ["number", "status", *params, *metrics, "seconds", "tokens_per_second", "error"]
    return pd.DataFrame(rows, columns=columns)


def _row(record: TrialRecord, metric: str, mode: Mode) -> dict[str, Any]:
    best = record.best(metric, mode)
    return {
        **record.params,
        **(best.metrics if best else {}),
        "number": record.number,
        "status": record.status.value,
        "seconds": record.seconds,
        "tokens_per_second": record.tokens_per_second,
        "error": record.error,
    }


def _names(mappings: Any) -> list[str]:
    """All keys, in the order in which they first appear."""
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))
