from __future__ import annotations

import io
import json

import pytest
from event_samples import CALLS, lines, tell
from rich.console import Console

from sweeps.base.view import View
from sweeps.display.events import JsonView, replay
from sweeps.display.live import LiveView
from sweeps.display.plain import PlainView
from trainables.core.progress import Phase


class Recording(View):
    """A view that remembers what it is told."""

    def __init__(self):
        self.calls = []

    def say(self, text):
        self.calls.append(("say", text))

    def phase(self, text):
        self.calls.append(("phase", text))

    def at(self, phases):
        self.calls.append(("at", phases))

    def slots(self, cluster):
        self.calls.append(("slots", cluster))

    def trials_begin(self, sweep, slots):
        self.calls.append(("trials_begin", sweep, slots))

    def changed(self, record):
        self.calls.append(("changed", record))

    def trials_end(self):
        self.calls.append(("trials_end",))


def test_every_call_is_one_line_and_comes_back_the_same():
    heard = Recording()
    for line in lines():
        assert "\n" not in line and json.loads(line)
        assert replay(line, heard)
    assert [call[0] for call in heard.calls] == [call[0] for call in CALLS]
    for (_, *told), (_, *meant) in zip(heard.calls, CALLS, strict=True):
        for mine, theirs in zip(told, meant, strict=True):
            assert mine == theirs or mine.same_as(theirs)


@pytest.mark.parametrize("view", [LiveView, PlainView])
def test_the_picture_from_afar_is_that_of_a_sweep_that_runs_here(view, monkeypatch):
    monkeypatch.setattr("sweeps.display.live.time.monotonic", lambda: 100.0)
    here, there = (
        Console(file=io.StringIO(), width=100, force_terminal=view is LiveView) for _ in range(2)
    )
    tell(view(here))
    shown = view(there)
    for line in lines():
        replay(line, shown)
    assert "trial" in here.file.getvalue()
    assert there.file.getvalue() == here.file.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "trial 3 complete eval_loss 2.0",
        '{"another": "program"}',
        '{"sweep_event": "changed", "record": {"sweep": "s"}}',
        '{"sweep_event": "changed", "rec',
        '{"sweep_event": "phase"}',
        '{"sweep_event": "at", "phases": [1]}',
        '{"sweep_event": "at", "phases": 1}',
        '{"sweep_event": "slots", "cluster": {}}',
        '{"sweep_event": "unheard-of"}',
        '{"sweep_event": ["phase"]}',
        ' {"sweep_event": "trials_end"}',
    ],
)
def test_other_lines_are_none_of_it(line):
    heard = Recording()
    assert not replay(line, heard)
    assert heard.calls == []


def test_of_one_phase_not_more_is_told_than_can_be_looked_at():
    written, now = [], [0.0]
    view = JsonView(written.append, clock=lambda: now[0])
    for step in range(1000):
        now[0] = step * 0.01
        view.at((Phase("building", step, 1000.0),))
    assert len(written) == 10
    view.at(())
    assert len(written) == 11, "that it is over is told at once"
