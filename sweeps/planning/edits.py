"""The search edited before trial 1, as each trial that is drawn sees it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from results.records.record import Edit
from search_spaces.values import identity, show
from sweeps.spec.reach import Point
from trainables.config.batch_split import split_step
from trainables.config.trial import TrialConfig

MICRO = "micro_batch_size"
CHECKPOINTING = "gradient_checkpointing"
STAGE = "deepspeed.zero_stage"

WORKERS = "slots.workers"
"""Of the whole sweep; the edit of it is of no combination."""


class Edits:
    """The edits of a sweep, asked for each trial that is drawn; `points` are all combinations.

    `take_out` is whether some combinations are not to be trained.
    """

    def __init__(self, edits: Sequence[Edit], points: Sequence[Point], workers: int) -> None:
        self._edits = {key_of(edit.point): edit for edit in edits}
        self._points = points if edits else ()
        self._workers = workers
        self.take_out = any(not edit.changes for edit in edits)

    def of(self, params: Mapping[str, object], config: TrialConfig) -> Edit | None:
        """The edit of a trial, with the micro-batch that its own batch divides into; None if it
        fits as it is.

        Of a range, only the ends were planned: a number counts as the end above it.
        """
        micro, _ = split_step(config, self._workers)
        drawn = {**params, MICRO: micro}
        covering = [point for point in self._points if _covers(point, drawn)]
        nearest = min(covering, key=lambda point: _distance(point, drawn), default=None)
        edit = None if nearest is None else self._edits.get(key_of(nearest))
        return self._as_run(edit, config, micro) if edit and edit.changes else edit

    def given(self, params: Mapping[str, object], config: TrialConfig) -> TrialConfig | None:
        """The trial as it will run; None if it is taken out."""
        edit = self.of(params, config)
        if edit is None:
            return config
        return config.with_params(edit.changes) if edit.changes else None

    def _as_run(self, edit: Edit, config: TrialConfig, drawn: int) -> Edit | None:
        """None where the drawn micro-batch is small enough by itself."""
        planned = edit.changes.get(MICRO, drawn)
        most = min(drawn, planned)
        micro, _ = split_step(config.with_params({MICRO: most}), self._workers)
        if micro == drawn and edit.changes.keys() == {MICRO}:
            return None
        if micro == planned:
            return edit
        return edit.model_copy(update={"changes": {**edit.changes, MICRO: micro}})


NO_EDITS = Edits((), (), 1)


def in_words(edit: Edit) -> str:
    """`method full, micro_batch_size 8: micro_batch_size 2 (needs 30.1 of 21.9 GB)`."""
    given = " and ".join(
        f"{name} {show(bool(value) if name == CHECKPOINTING else value)}"
        for name, value in edit.changes.items()
    )
    return f"{in_point(edit) or 'all trials'}: {given or 'taken out'} ({edit.why})"


def in_point(edit: Edit) -> str:
    """`method full, micro_batch_size 8`; empty for an edit of the whole sweep."""
    return ", ".join(f"{name} {show(value)}" for name, value in edit.point.items())


def key_of(point: Mapping[str, object]) -> frozenset[tuple[str, object]]:
    return frozenset(
        (name, identity(tuple(value) if isinstance(value, list) else value))
        for name, value in point.items()
    )


def _covers(point: Mapping[str, object], drawn: Mapping[str, object]) -> bool:
    return all(name in drawn and _at_most(drawn[name], value) for name, value in point.items())


def _at_most(drawn: object, planned: object) -> bool:
    """Whether the planned value is the drawn one, or a number above it."""
    if isinstance(planned, list):
        planned = tuple(planned)
    numbers = all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in (drawn, planned)
    )
    return drawn <= planned if numbers else identity(drawn) == identity(planned)  # type: ignore[operator]


def _distance(point: Mapping[str, object], drawn: Mapping[str, object]) -> float:
    """How far the numbers of a combination are above those drawn."""
    far = 0.0
    for name, planned in point.items():
        value = drawn[name]
        if isinstance(planned, int | float) and isinstance(value, int | float) and planned != value:
            far += abs(math.log(planned / value)) if planned > 0 and value > 0 else 1.0
    return far
