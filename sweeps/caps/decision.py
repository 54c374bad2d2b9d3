"""Whether a trial may begin under a sweep's caps, and when those under way are laid aside. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from results.ranking.front import judge
from results.records.cluster_record import HOUR
from results.records.record import Mode, ReachedCap, TrialRecord
from results.records.spending import UNITS, shown
from sweeps.caps.forecast import Forecast, Seconds, share_done
from sweeps.caps.goals_reached import UNTRIED, patience_over, target_reached
from sweeps.caps.position import Position
from sweeps.display.duration import duration
from sweeps.search.admission import Admission
from sweeps.spec.caps import CapsSettings
from sweeps.spec.settings import ConfirmSettings

_SURE = {"lay_aside": 0.6, "finish": 0.995}
"""How sure a trial must be to end in time. One laid aside is late, not lost."""

_TO_SAVE, _SHARE_TO_SAVE = 60.0, 0.01
"""Seconds for trials laid aside to write checkpoints, and their share of a short cap."""

_ALL_FAILED = 20
"""Failed trials from the beginning, after which no more begin: without a number of trials, a sweep
that only fails would never spend its caps."""

_ENOUGH = 300
"""Number of trials, the latest ones, from which the time of another is forecast: thousands would
tell no more, and the question comes before each trial."""

_TIMED = ("hours", "gpu_hours", "cost")

TokensOf = Callable[[Mapping[str, object]], float]
"""The tokens that a trial with these params trains on."""


class Decision:
    """The caps of a sweep with `slots` slots, applied to its position.

    With a confirmation, its expected share is kept back from the search.
    """

    def __init__(
        self,
        caps: CapsSettings,
        goals: Mapping[str, Mode],
        slots: int,
        tokens_of: TokensOf,
        confirm: ConfirmSettings | None = None,
    ) -> None:
        self._caps = caps
        self._goals = goals
        self._slots = slots
        self._tokens_of = tokens_of
        self._confirm = confirm
        self._limits = caps.limits

    def asks(
        self, at: Position, params: Mapping[str, object], done: float = 0.0, repeat: bool = False
    ) -> tuple[Admission, ReachedCap | None]:
        """Whether a trial with these params may begin, and else the cap below which it cannot end.

        `done` is the share that it has had before, or takes over from another. For a `repeat`,
        nothing is kept back. A trial that is expected to end in time, but not surely, may begin
        once others have been measured.
        """
        refused = self._refuses(at, params, done, repeat, surely=False)
        if refused is None:
            return Admission.NOW, None
        open_ones = at.under_way and self._refuses(at, params, done, repeat, surely=True) is None
        return Admission.PERHAPS if open_ones else Admission.NEVER, refused

    def _refuses(
        self, at: Position, params: Mapping[str, object], done: float, repeat: bool, surely: bool
    ) -> ReachedCap | None:
        """The cap below which the trial may not, or `surely` not, end."""
        if reached := None if repeat else self._result(at):
            return reached
        forecast = self._forecast(at)
        found = forecast.of(params) or Seconds(0.0, 0.0)
        needs = (found.expected if surely else found.bound) * (1.0 - done)
        kept = 0.0 if repeat else self._kept_seconds(at, forecast)
        for name, left in self._seconds_left(at):
            if needs + kept >= left:
                return self._timed(name, at, needs, kept)
        tokens = self._tokens_of(params) * (1.0 - done)
        kept_tokens = 0.0 if repeat else self._kept_tokens(at)
        open_ones = sum(self._tokens_left(at, each) for each in at.under_way)
        limit = self._limits.get("trained_tokens", math.inf)
        if at.spent["trained_tokens"] + open_ones + tokens + kept_tokens > limit:
            return self._of_tokens(at, tokens, kept_tokens)
        return None

    def ends(self, at: Position, repeat: bool = False) -> ReachedCap | None:
        """The cap at which trials under way must be laid aside now; None while they may go on."""
        if not repeat and (hopeless := self._hopeless(at)):
            return hopeless
        if self._caps.at_cap == "finish":
            return None
        if reached := None if repeat else self._result(at):
            return reached
        kept = 0.0 if repeat else self._kept_seconds(at, self._forecast(at))
        for name, left in self._seconds_left(at):
            whole = self._limits[name] / at.per_hour[name] * HOUR
            if left <= kept + min(_TO_SAVE, _SHARE_TO_SAVE * whole):
                return self._timed(name, at, 0.0, kept)
        kept_tokens = 0.0 if repeat else self._kept_tokens(at)
        trained = at.spent["trained_tokens"] + sum(self._trained_since(at, r) for r in at.under_way)
        if trained + kept_tokens > self._limits.get("trained_tokens", math.inf):
            return self._of_tokens(at, 0.0, kept_tokens)
        return None

    def _result(self, at: Position) -> ReachedCap | None:
        """The cap on results that is reached."""
        if self._caps.target:
            reached = target_reached(at.trials, self._caps.target, self._goals)
            if reached:
                return reached
        if len(at.trials) >= _ALL_FAILED and all(each.status in UNTRIED for each in at.trials):
            cap = next(iter(self._limits))
            return ReachedCap(cap=cap, why=f"the first {len(at.trials)} trials all failed")
        if self._caps.patience is not None:
            return patience_over(at.trials, self._caps.patience, self._goals)
        return None

    def _hopeless(self, at: Position) -> ReachedCap | None:
        """A cap below what a single trial needs: none is complete, and none under way can be."""
        open_ones = at.under_way
        if not open_ones or any(each.status.ended for each in at.trials):
            return None
        forecast, needs = self._forecast(at), []
        for each in open_ones:
            if not share_done(each) or (found := forecast.of(each.params)) is None:
                return None
            rest = found.expected * (1.0 - share_done(each)) - at.since.get(each.key, 0.0)
            needs.append((max(0.0, rest), found.expected))
        least, whole = min(needs)
        for name, left in self._seconds_left(at):
            if least > max(left, 0.0) * _GENEROUS:
                one = f"one trial takes about {duration(whole)}"
                return ReachedCap(cap=name, why=f"{one}, more than the cap allows")
        return None

    def _forecast(self, at: Position) -> Forecast:
        latest = [*at.trials[-_ENOUGH:], *at.repeats]
        return Forecast(latest, _SURE[self._caps.at_cap])

    def _seconds_left(self, at: Position) -> Iterator[tuple[str, float]]:
        """For each cap that time uses up: the seconds until then, at the present rate."""
        for name in _TIMED:
            if name in self._limits and at.per_hour[name] > 0:
                left = self._limits[name] - at.spent[name]
                yield name, left / at.per_hour[name] * HOUR

    def _to_confirm(self, at: Position) -> tuple[int, list[TrialRecord]]:
        """The number of repeats to come, and the trials that may be repeated."""
        if self._confirm is None:
            return 0, []
        best = [each.record for each in judge(list(at.trials), self._goals).winners]
        chosen = [*best, *at.under_way][: self._confirm.top]
        had = sum(each.status.ended for each in at.repeats)
        return max(0, len(chosen) * self._confirm.seeds - had), chosen

    def _kept_seconds(self, at: Position, forecast: Forecast) -> float:
        """Seconds for the confirmation, in rounds of as many repeats as there are slots."""
        count, chosen = self._to_confirm(at)
        longest = max(
            (found.bound for each in chosen if (found := forecast.of(each.params))), default=0.0
        )
        return math.ceil(count / self._slots) * longest

    def _kept_tokens(self, at: Position) -> float:
        count, chosen = self._to_confirm(at)
        return count * max((self._tokens_of(each.params) for each in chosen), default=0.0)

    def _tokens_left(self, at: Position, record: TrialRecord) -> float:
        return max(0.0, self._tokens_of(record.params) - record.whole_tokens)

    def _trained_since(self, at: Position, record: TrialRecord) -> float:
        """Tokens trained on since the last measurement, at the trial's own pace."""
        if not record.seconds:
            return 0.0
        trained = record.tokens / record.seconds * at.since.get(record.key, 0.0)
        return min(trained, self._tokens_left(at, record))

    def _timed(self, name: str, at: Position, needs: float, kept: float) -> ReachedCap:
        why = f"{shown(at.spent[name])} of {shown(self._limits[name])} {UNITS[name]} are spent"
        more = f", and another trial may need {duration(needs)}" if needs else ""
        held = f"; {duration(kept)} are kept for the confirmation" if kept else ""
        return ReachedCap(cap=name, why=why + more + held)

    def _of_tokens(self, at: Position, needs: float, kept: float) -> ReachedCap:
        name = "trained_tokens"
        why = f"{shown(at.spent[name])} of {shown(self._limits[name])} tokens are trained"
        more = f", and another trial needs {shown(needs)}" if needs else ""
        held = f"; {shown(kept)} are kept for the confirmation" if kept else ""
        return ReachedCap(cap=name, why=why + more + held)


_GENEROUS = 1.5
"""How much longer than a cap a first trial must seem, to be given up before the cap."""
