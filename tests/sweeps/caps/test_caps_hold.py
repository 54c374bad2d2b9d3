"""The product's own decision, in simulated sweeps with trials of unequal length."""

from __future__ import annotations

import heapq
import random

import pytest

from results.records.record import Measurement, TrialRecord, TrialStatus
from sweeps.caps.decision import Decision
from sweeps.caps.position import Position
from sweeps.search.admission import Admission
from sweeps.spec.caps import CapsSettings
from sweeps.spec.settings import ConfirmSettings

POINTS = 4
GOALS = {"eval_loss": "min"}


def true_seconds(params, rng) -> float:
    """A trial's time: by method, rank and micro-batch, and a tenth of noise."""
    base = 900.0 if params["method"] == "full" else 400.0
    return (
        base
        * (params["lora.rank"] / 8) ** 0.3
        * params["micro"] ** -0.4
        * rng.lognormvariate(0, 0.1)
    )


class Simulated:
    """Slots that train trials in simulated time, asking the decision as the driver does."""

    def __init__(self, seed, slots=3, confirm=None, **caps):
        self.rng = random.Random(seed)
        self.now = 0.0
        self.slots, self.confirm = slots, confirm
        self.decision = Decision(CapsSettings(**caps), GOALS, slots, lambda params: 1e6, confirm)
        self.trials, self.repeats = {}, {}
        self.at = {}
        self.events = []
        self.reached = None

    def position(self):
        records = [*self.trials.values(), *self.repeats.values()]
        spent = {
            "hours": self.now / 3600,
            "gpu_hours": self.slots * self.now / 3600,
            "cost": 2.0 * self.slots * self.now / 3600,
            "trained_tokens": sum(r.tokens for r in records),
        }
        rates = {"hours": 1.0, "gpu_hours": float(self.slots), "cost": 2.0 * self.slots}
        since = {
            r.key: self.now - self.at[r.key] for r in records if r.status is TrialStatus.RUNNING
        }
        return Position(
            spent, rates, list(self.trials.values()), list(self.repeats.values()), since
        )

    def draw(self):
        rng = self.rng
        return {
            "method": rng.choice(["lora", "full"]),
            "lora.rank": rng.choice([4, 8, 64]),
            "micro": rng.choice([1, 2, 8]),
            "learning_rate": rng.uniform(0, 1),
        }

    def begin(self, into, params, **fields):
        number = len(into)
        record = TrialRecord(
            sweep="s", number=number, status="running", params=params,
            config={"budget.evaluations": POINTS}, started=self.now, attempts=1, **fields,
        )  # fmt: skip
        into[number] = record
        self.at[record.key] = self.now
        each = true_seconds(params, self.rng) / POINTS
        heapq.heappush(self.events, (self.now + each, number, 1, each, id(into)))

    def step(self, into):
        self.now, number, point, each, _ = heapq.heappop(self.events)
        record = into[number]
        loss = 2.0 - record.params["learning_rate"] / 10 - 0.1 * point
        measured = Measurement(
            point=point, step=point, tokens=250_000 * point, seconds=each * point,
            metrics={"eval_loss": loss},
        )  # fmt: skip
        last = point == POINTS
        into[number] = record.with_changes(
            measurements=(*record.measurements, measured), seconds=each * point,
            tokens=250_000 * point, status="complete" if last else "running",
            ended=self.now if last else None,
        )  # fmt: skip
        self.at[record.key] = self.now
        if not last:
            heapq.heappush(self.events, (self.now + each, number, point + 1, each, id(into)))

    def advance(self, into, repeat=False):
        """To the next event, looking every half minute whether the caps end what trains."""
        upcoming = self.events[0][0]
        while self.now + 30 < upcoming:
            self.now += 30
            if reached := self.decision.ends(self.position(), repeat):
                self.reached = self.reached or reached
                for number, record in into.items():
                    into[number] = record.laid_aside()
                self.events.clear()
                return
        self.step(into)

    def search(self, most=10_000):
        closed = False
        while True:
            while not closed and len(self.events) < self.slots and len(self.trials) < most:
                params = self.draw()
                answer, refused = self.decision.asks(self.position(), params)
                if answer is Admission.NOW:
                    self.begin(self.trials, params)
                elif answer is Admission.NEVER:
                    self.reached, closed = refused, True
                else:
                    break
            if not self.events:
                return self
            self.advance(self.trials)

    def repeat_best(self):
        best = sorted(
            (r for r in self.trials.values() if r.status.can_win),
            key=lambda r: r.measurements[-1].metrics["eval_loss"],
        )[: self.confirm.top]
        waiting = [record for _ in range(self.confirm.seeds) for record in best]
        wanted = len(waiting)
        while waiting or self.events:
            while waiting and len(self.events) < self.slots:
                params = waiting[0].params
                answer, _ = self.decision.asks(self.position(), params, repeat=True)
                if answer is Admission.NEVER:
                    waiting.clear()
                elif answer is Admission.PERHAPS:
                    break
                else:
                    waiting.pop(0)
                    confirmed = {"confirms": best[0].number, "repeat": 1}
                    self.begin(self.repeats, params, **confirmed)
            if self.events:
                self.advance(self.repeats, repeat=True)
        return wanted, sum(r.status.can_win for r in self.repeats.values())

    def count(self, status):
        return sum(r.status is TrialStatus(status) for r in self.trials.values())


@pytest.mark.parametrize("at_cap", ["lay_aside", "finish"])
def test_20_of_20_sweeps_with_trials_of_unequal_length_end_in_time(at_cap):
    for seed in range(20):
        done = Simulated(seed, hours=2.0, at_cap=at_cap).search()
        assert done.now <= 2.0 * 3600, f"seed {seed}"
        assert done.reached.cap == "hours"
        used = sum(r.seconds for r in done.trials.values()) / 3 / 3600
        assert used > 0.75 * 2.0, f"seed {seed}: {used:.2f} h of each slot's two"


@pytest.mark.parametrize(
    ("cap", "limit"),
    [("gpu_hours", 6.0), ("cost", 12.0), ("trained_tokens", 30e6)],
)
def test_the_other_caps_hold_too(cap, limit):
    for seed in range(20):
        done = Simulated(seed, **{cap: limit}).search()
        used = done.position().spent[cap]
        assert 0.65 * limit < used <= limit and done.reached.cap == cap


@pytest.mark.parametrize("at_cap", ["lay_aside", "finish"])
def test_the_confirmation_has_its_share_within_the_cap(at_cap):
    whole = 0
    for seed in range(20):
        confirm = ConfirmSettings(top=3, seeds=4)
        done = Simulated(seed, hours=3.0, at_cap=at_cap, confirm=confirm).search()
        wanted, had = done.repeat_best()
        assert done.now <= 3.0 * 3600
        whole += had == wanted
    assert whole >= 18
