"""How many lanes a slot finds: what fits by its ledger, and what pays by its passes."""

from __future__ import annotations

import psutil
import pytest
import tiny_training as tiny
import torch
from lane_training import Kept, entry, in_lanes

from trainables.lanes import lane as lane_module
from trainables.lanes import loop, probe
from trainables.lanes.ledger import Ledger, held_by
from trainables.lanes.limits import MOST, AutoLanes, FoundLimits, LaneLimits
from trainables.lanes.probe import GAIN
from trainables.lanes.tick import chosen
from trainables.planning.paying import paying
from trainables.training.memory import free_memory


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("limits")))


def device(launches, work):
    """Seconds of a pass on a device that launches in so many, and works so many for each lane."""
    passes = []

    def seconds(lanes):
        passes.append(lanes)
        return max(launches, work * lanes) + 0.05 * work * lanes

    return seconds, passes


@pytest.mark.parametrize(
    ("launches", "work", "most", "found"),
    [
        (0.04, 0.0005, 16, 16),  # idle whatever it gets
        (0.04, 0.005, 16, 8),  # busy with eight
        (0.0, 0.005, 16, 1),  # busy with one
        (0.0054, 0.005, 16, 1),  # a gain of a twelfth may be chance
        (0.04, 0.0005, 6, 6),  # no more fit
        (0.04, 0.0005, 1, 1),
    ],
)
def test_lanes_are_added_while_they_gain(launches, work, most, found):
    seconds, _ = device(launches, work)
    assert paying(seconds, most, GAIN) == found


def test_lanes_are_added_while_they_gain_more_than_the_search_loses():
    """A device that does 1.6 times as much with twice the lanes; from four on a trial is worth
    less: 8 lanes do 1.6 * 0.8 times as much as 4, and 16 do 1.6 * 0.6 times as much as 8."""
    worth = {1: 1.0, 2: 1.0, 4: 1.0, 8: 0.8, 16: 0.48}
    assert paying(lambda n: n**0.322, 16, GAIN) == 16
    assert paying(lambda n: n**0.322, 16, GAIN, worth=worth.__getitem__) == 8


def test_a_device_that_is_busy_for_seconds_is_asked_once():
    seconds, passes = device(launches=3.0, work=0.0)
    assert paying(seconds, 16, GAIN) == 1
    assert passes == [1]


def test_a_ledger_counts_what_each_lane_adds():
    assert Ledger(free=1000, fixed=100, passing=150, held=50).fit == 4
    assert Ledger(free=1099, fixed=100, passing=150, held=50).fit == 4
    assert Ledger(free=10, fixed=100, passing=150, held=50).fit == 1


def test_what_a_lane_holds_is_what_its_adapter_and_optimizer_take(workshop, monkeypatch):
    """Against the tensors that are there after a step."""
    held = []
    step = lane_module.Lane.step

    def stepped(lane):
        step(lane)
        moments = [
            each
            for state in lane.optimizer.state.values()
            for each in state.values()
            if each.numel() > 1
        ]
        tensors = [*lane.adapter.parameters, *moments]
        held.append((sum(each.nbytes for each in tensors), held_by(lane.adapter, lane.config)))

    monkeypatch.setattr(lane_module.Lane, "step", stepped)
    in_lanes(workshop, tiny.trial(), tiny.trial(lora__rank=16, optimizer__name="sgd"))
    assert len(held) == 8 and all(real == planned for real, planned in held)
    assert len({real for real, _ in held}) == 2


def found_by(workshop, *entries, found):
    waiting = list(entries[1:])
    loop.Lanes(workshop, MOST, found).run(entries[0], lambda: waiting.pop(0) if waiting else None)


def test_finding_the_number_leaves_no_trace_in_the_trials(workshop, monkeypatch):
    configs = [tiny.trial(lora__dropout=0.1), tiny.trial(lora__rank=8, seed=5), tiny.trial(seed=3)]
    watchers = [Kept() for _ in configs]
    told, ticks = [], []
    monkeypatch.setattr(probe, "paying", lambda seconds, *_, worth: 2 if seconds(2) else 0)
    monkeypatch.setattr(
        loop, "chosen", lambda lanes, *rest: ticks.append(len(lanes)) or chosen(lanes, *rest)
    )
    entries = [entry(config, kept) for config, kept in zip(configs, watchers, strict=True)]
    found_by(workshop, *entries, found=finding(told))
    (limits,) = told
    assert limits.pay == 2 and limits.fit > 100
    assert max(ticks) == 2
    for kept, config in zip(watchers, configs, strict=True):
        (alone,) = in_lanes(workshop, config)
        assert kept.losses == pytest.approx(alone.losses, abs=1e-6)


def finding(told, trials=10_000, known=None, trained=1.0):
    """Numbers of up to 16 lanes for a search that does not learn; `told` gets each that is found,
    `known` are those on record, `trained` is what early stopping leaves."""
    record = {} if known is None else known

    def tell(kind, limits):
        told.append(limits)
        return record.setdefault(kind, limits)

    return FoundLimits(AutoLanes((1.0,) * MOST, trials, trained), record.get, tell)


def test_the_number_is_found_once_for_each_kind():
    told = []
    found = finding(told)
    measure = lambda: LaneLimits(4, 2)  # noqa: E731
    assert [found.of(kind, 10, measure).lanes for kind in ("a", "a", "b")] == [2, 2, 2]
    assert len(told) == 2


def test_a_number_on_record_counts_for_all_slots():
    known, told = {}, []
    first, second, later = (finding(told, known=known) for _ in range(3))
    assert second.of("a", 10, lambda: first.of("a", 10, lambda: LaneLimits(4, 2))).lanes == 2
    assert later.of("a", 10, lambda: LaneLimits(9, 9)).lanes == 2
    assert len(told) == 2, "the second slot has measured, but the first was faster"


def test_nothing_is_tried_where_that_would_take_a_large_part_of_all_training():
    told = []
    measure = lambda: LaneLimits(4, 4)  # noqa: E731
    few = finding(told, trials=4).of("a", 100, measure)
    assert (
        few.lanes == 1 and few.untried.startswith("400 passes") and "fewer than 500" in few.untried
    )
    assert finding(told, trials=4).of("a", 125, measure) == LaneLimits(4, 4)
    stopped = finding(told, trials=12, trained=0.25).of("a", 150, measure)
    assert stopped.untried.startswith("450 passes expected")
    assert finding(told, trials=14, trained=0.25).of("a", 150, measure) == LaneLimits(4, 4)
    alone = FoundLimits(AutoLanes((1.0,), 10_000), lambda _: None, lambda _, found: found)
    assert alone.of("a", 100, measure).untried == "a slot has a single trial"


def test_what_was_not_tried_is_tried_once_that_costs_little():
    """After a resume with more trials, say."""
    measure = lambda: LaneLimits(4, 4)  # noqa: E731
    known = {"a": LaneLimits(1, 1, untried="400 passes are few")}
    assert finding([], trials=4, known=known).of("a", 100, measure) is known["a"]
    told = []
    finding(told, trials=40, known=known).of("a", 100, measure)
    assert told == [LaneLimits(4, 4)]


@pytest.mark.parametrize(("times", "most"), [(1.5, 1), (4.0, 8)])
def test_as_many_fit_as_a_pass_of_that_many_shows(workshop, monkeypatch, times, most):
    """So many times the memory of one lane is free; where that could be too little for two, a
    second is not tried."""
    told, taken = [], {}
    whole = probe.Probe.bytes

    def seen(self, count):
        taken[count] = whole(self, count)
        return taken[count]

    monkeypatch.setattr(probe.Probe, "bytes", seen)
    monkeypatch.setattr(probe, "free_memory", lambda _: int(times * 400_000))
    config = tiny.trial()
    found_by(workshop, entry(config), found=finding(told))
    one = taken.pop(1)
    monkeypatch.setattr(probe, "free_memory", lambda _: int(times * one))
    taken.clear()
    found_by(workshop, entry(config), found=finding(told))
    fit = told[-1].fit
    assert max(taken) == min(fit, 2) and fit <= most
    if fit > 1:
        whole_pass = {}
        monkeypatch.setattr(
            probe.Probe,
            "bytes",
            lambda self, n: whole_pass.update({m: whole(self, m) for m in (fit, fit + 1)}) or one,
        )
        found_by(workshop, entry(config), found=finding(told))
        held = 3 * 4 * sum(each.numel() for each in tiny_adapter(workshop, config))
        assert whole_pass[fit] + fit * held <= times * one
        assert whole_pass[fit + 1] + (fit + 1) * held > times * one


def tiny_adapter(workshop, config):
    """The trained weights of a trial; AdamW keeps two moments of each."""
    from trainables.models import tuned

    model = tuned.attach(workshop.lend(config), config)
    weights = [each.detach().clone() for each in model.parameters() if each.requires_grad]
    tuned.detach(model).requires_grad_(False)
    return weights


def test_a_pass_that_is_full_takes_no_other_lane_and_every_lane_gets_its_turn(
    workshop, monkeypatch
):
    ticks = []

    def full(lanes, budget, first, _):
        shares = chosen(lanes, budget, first, 100)
        ticks.append([(share.rows, share.tokens) for share in shares])
        return shares

    configs = [
        tiny.trial(micro_batch_size=8, batch_size=8),
        tiny.trial(micro_batch_size=1, batch_size=2, seed=4),
        tiny.trial(micro_batch_size=2, batch_size=2, seed=9),
    ]
    alone = [in_lanes(workshop, config)[0].losses for config in configs]
    monkeypatch.setattr(loop, "chosen", full)
    for kept, losses in zip(in_lanes(workshop, *configs), alone, strict=True):
        assert kept.losses == pytest.approx(losses, abs=1e-5)
    assert any(len(tick) > 1 for tick in ticks)
    assert max(rows for tick in ticks for rows, _ in tick) == 8, "a micro-batch is not cut"
    assert all(sum(tokens for _, tokens in tick) <= 100 for tick in ticks if len(tick) > 1)


def test_a_host_plans_with_half_of_what_is_free():
    free = free_memory(torch.device("cpu"))
    assert 0 < free <= psutil.virtual_memory().total / 2
