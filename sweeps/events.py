"""A running sweep told as lines of JSON, for a View in another process to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from results.record import SweepRecord, TrialRecord
from sweeps.view import View

_MARK = '{"sweep_event": '


class JsonView:
    """Each call is one line, which replay() turns into the same call."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def phase(self, text: str) -> None:
        """What takes a while."""
        self._tell("phase", text=json.dumps(text))

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
    """Have `view` told what a JsonView wrote; False where the line is none of one's, or of a
    version that cannot be read."""
    if not line.startswith(_MARK):
        return False
    try:
        call = _call(json.loads(line), view)
    except (KeyError, ValueError, ValidationError):
        return False
    call()
    return True


def _call(event: dict[str, Any], view: View) -> Callable[[], None]:
    """What is to be done; KeyError, ValueError or ValidationError where that is not told."""
    name = event["sweep_event"]
    if name == "phase":
        text = str(event["text"])
        return lambda: view.phase(text)
    if name == "trials_begin":
        sweep, slots = SweepRecord.model_validate(event["sweep"]), str(event["slots"])
        return lambda: view.trials_begin(sweep, slots)
    if name == "changed":
        record = TrialRecord.model_validate(event["record"])
        return lambda: view.changed(record)
    if name == "trials_end":
        return view.trials_end
    raise ValueError(f"{name!r} is no event")
