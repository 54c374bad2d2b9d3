"""A running sweep as lines of JSON, for a View in another process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from pydantic import ValidationError

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord
from sweeps.base.view import View
from trainables.core.progress import Phase, Phases

_MARK = '{"sweep_event": '

_PAUSE = 1.0
"""Seconds between two lines about the same work."""


class JsonView(View):
    """Each call is one line, which replay() turns back into the call.

    Progress is limited to what a user can read.
    """

    def __init__(
        self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._texts: list[str] = []
        self._told = 0.0

    def say(self, text: str) -> None:
        """A message."""
        self._tell("say", text=json.dumps(text))

    def phase(self, text: str | None) -> None:
        """The current phase."""
        self._tell("phase", text=json.dumps(text))

    def at(self, phases: Phases) -> None:
        """The progress of the phase."""
        texts, now = [phase.text for phase in phases], self._clock()
        if texts != self._texts or now - self._told >= _PAUSE:
            self._texts, self._told = texts, now
            self._tell("at", phases=json.dumps([astuple(phase) for phase in phases]))

    def slots(self, cluster: ClusterRecord) -> None:
        """The record without its nodes, which no view shows."""
        slots_only = cluster.with_changes(nodes=(), node_seconds={}, prices={})
        self._tell("slots", cluster=slots_only.model_dump_json())

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """The sweep's whole record."""
        self._tell("trials_begin", sweep=sweep.model_dump_json(), slots=json.dumps(slots))

    def changed(self, record: TrialRecord) -> None:
        """The trial's whole record."""
        self._tell("changed", record=record.model_dump_json())

    def trials_end(self) -> None:
        """No more trials."""
        self._tell("trials_end")

    def _tell(self, event: str, **fields: str) -> None:
        told = "".join(f', "{name}": {value}' for name, value in fields.items())
        self._write(f'{_MARK}"{event}"{told}}}')


def replay(line: str, view: View) -> bool:
    """Pass a JsonView's line on to `view`; False if the line is not one of its lines, or from an
    incompatible version."""
    if not line.startswith(_MARK):
        return False
    try:
        call = _call(json.loads(line), view)
    except (KeyError, TypeError, ValueError, ValidationError):
        return False
    call()
    return True


def _call(event: dict[str, Any], view: View) -> Callable[[], None]:
    """The call in the event; KeyError, TypeError, ValueError or ValidationError if there is
    none."""
    name = event["sweep_event"]
    if name == "say":
        text = str(event["text"])
        return lambda: view.say(text)
    if name == "phase":
        title = None if event["text"] is None else str(event["text"])
        return lambda: view.phase(title)
    if name == "at":
        phases = tuple(Phase(*fields) for fields in event["phases"])
        return lambda: view.at(phases)
    if name == "slots":
        cluster = ClusterRecord.model_validate(event["cluster"])
        return lambda: view.slots(cluster)
    if name == "trials_begin":
        sweep, slots = SweepRecord.model_validate(event["sweep"]), str(event["slots"])
        return lambda: view.trials_begin(sweep, slots)
    if name == "changed":
        record = TrialRecord.model_validate(event["record"])
        return lambda: view.changed(record)
    if name == "trials_end":
        return view.trials_end
    raise ValueError(f"{name!r} is not an event")
