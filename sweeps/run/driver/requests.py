"""Requests of users at a running sweep: trials to add, and trials to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ray.tune import Callback

from results.records.record_error import RecordError
from results.records.request import TrialRequest
from results.records.request_store import RequestStore
from search_spaces.space import Space
from sweeps.run.by_hand import described

if TYPE_CHECKING:
    from sweeps.books.recorder import Recorder
    from sweeps.search.study import StudyBook

_PAUSE = 0.5
"""Seconds between two looks."""


class RequestTaker(Callback):
    """Hears of requests between two events of Tune, so that nothing else writes meanwhile.

    `say` tells the user of each; `broken` of unreadable ones, after which the sweep continues.
    """

    def __init__(
        self,
        store: RequestStore,
        space: Space,
        study: StudyBook,
        recorder: Recorder,
        say: Callable[[str], None],
        broken: Callable[[str], object],
    ) -> None:
        self._store = store
        self._space = space
        self._study = study
        self._recorder = recorder
        self._say = say
        self._broken = broken
        self._heard: set[str] = set()
        self._complained = ""
        self._next = 0.0

    def __reduce__(self) -> tuple[type[Callback], tuple[()]]:
        """Pickled by Tune for its own restore, which we do not use."""
        return Callback, ()

    def on_step_begin(self, **info: object) -> None:
        """Look if it is time."""
        if time.monotonic() < self._next:
            return
        try:
            self.look()
        except Exception as error:  # noqa: BLE001 - the edge to Tune: raised by the driver
            self._recorder.halt(error)
        self._next = time.monotonic() + _PAUSE

    def look(self) -> None:
        """Queue the trials asked for, and stop others; what is done already is not done again."""
        try:
            requests = self._store.all()
        except (RecordError, OSError) as error:
            if str(error) != self._complained:
                self._complained = str(error)
                self._broken(f"Requests for trials cannot be read ({error}); they wait")
            return
        if requests.keys() != self._heard:
            for name in self._study.queue(requests, self._space):
                self._tell(requests[name])
            self._heard = {*requests}
        for request in requests.values():
            # Again and again: the trial may not be in its slot's hands yet, which is to stop it.
            if request.number is not None and self._recorder.stop(request.number):
                self._tell(request)

    def _tell(self, request: TrialRequest) -> None:
        self._say(f"By hand: {described(request)}")
