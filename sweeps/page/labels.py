"""The table of labels in a report of a classification sweep, and its costliest confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from results.ranking.certainty import LossesError
from results.ranking.labels import Confusion, Labelled, LabelScore, load_labelled
from sweeps.verdict.results import Results
from trainables.board.job import LOSSES

_MOST_LABELS = 50
_MOST_CONFUSIONS = 10


@dataclass(frozen=True)
class Labels:
    """The labels of the winner, and of the base model where they are known.

    `rows` are pairs (winner, base); `confusions` pairs of the winner's and the base's count.
    """

    trial: int
    rows: Sequence[tuple[LabelScore, LabelScore | None]]
    left_out: int
    confusions: Sequence[tuple[Confusion, int | None]]
    loss: float

    def share(self, confusion: Confusion) -> str:
        """The part of the winner's whole validation loss that lies in these examples."""
        return f"{100 * confusion.loss / self.loss:.0f}%" if self.loss > 0 else ""


def labels(results: Results) -> Labels | None:
    """None without a winner, and for other objectives."""
    if results.winner is None:
        return None
    number = results.winner.number
    winner = _read(results.folder.store.trial_folder(number) / LOSSES)
    if winner is None:
        return None
    base = _read(results.folder.base / LOSSES)
    if base is not None and list(base.labels) != list(winner.labels):
        base = None
    scores = winner.scores()
    others: Sequence[LabelScore | None] = base.scores() if base else [None] * len(scores)
    rows = list(zip(scores, others, strict=True))
    if len(rows) > _MOST_LABELS:  # the worst ones are what one looks for
        rows = sorted(rows, key=lambda row: row[0].f1)
    return Labels(
        number,
        rows[:_MOST_LABELS],
        max(0, len(rows) - _MOST_LABELS),
        _confusions(winner, base),
        float(winner.losses.sum()),
    )


def _read(path: Path) -> Labelled | None:
    """None for sweeps from before labels were kept, too."""
    try:
        return load_labelled(path) if path.exists() else None
    except LossesError:
        return None


def _confusions(winner: Labelled, base: Labelled | None) -> list[tuple[Confusion, int | None]]:
    known: Mapping[tuple[str, str], int] = (
        {(each.truth, each.predicted): each.count for each in base.confusions()} if base else {}
    )
    return [
        (each, known.get((each.truth, each.predicted), 0) if base else None)
        for each in winner.confusions()[:_MOST_CONFUSIONS]
    ]
