"""What a pipe or a log is told: something at least every ten seconds, and no flood."""

from __future__ import annotations

import io

import pytest
from live_samples import cluster_of, slot, sweep, trial
from rich.console import Console

from sweeps.display.plain import EVERY, PlainView
from trainables.core.progress import Phase, Progress


class Pipe:
    """A view that writes to a pipe, and whose clock and ticks the test makes."""

    def __init__(self) -> None:
        self.now = 100.0
        self.out = io.StringIO()
        self.view = PlainView(Console(file=self.out, width=40), clock=lambda: self.now)

    def passes(self, seconds: float) -> list[str]:
        """The lines that come meanwhile, looked for as often as the view itself does."""
        before = len(self.lines)
        for _ in range(int(seconds)):
            self.now += EVERY / 10
            self.view.tick()
        return self.lines[before:]

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def test_plain_lines_tell_of_each_trial_once_and_in_full():
    out = io.StringIO()
    view = PlainView(Console(file=out, width=40))
    view.trials_begin(sweep(), "1 slot")
    view.changed(trial(3, "running", 2.0))
    view.changed(trial(3, "complete", 2.0, 2.2))
    assert out.getvalue().splitlines() == [
        "alpaca-lora: 40 trials on 1 slot, base model eval_loss 4.5000",
        "trial 3 complete eval_loss 2.0000  learning_rate 0.00021  lora.rank 8  schedule wsd  "
        "batch_size 16",
    ]


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        (["complete"] * 3 + ["failed"], "4 trials are done (3 complete, 1 failed)"),
        (["complete", "interrupted"], "1 trial is done (1 complete), 1 continues"),
        (["interrupted", "waiting"], "2 trials continue"),
    ],
)
def test_trials_from_before_a_resume_are_one_line_and_later_ones_a_line_each(pipe, ends, told):
    pipe.view.trials_begin(sweep(), "1 slot")
    pipe.view.known([trial(number, end, 2.0) for number, end in enumerate(ends)])
    assert pipe.lines[1:] == [told]
    pipe.view.changed(trial(9, "complete", 2.0))
    assert len(pipe.lines) == 3 and pipe.lines[2].startswith("trial 9 complete")


def test_plain_lines_tell_a_reason_in_full_once():
    out = io.StringIO()
    view = PlainView(Console(file=out, width=250))
    view.trials_begin(sweep(), "1 slot")
    for number in (1, 2):
        view.changed(trial(number, "failed", error="boom " * 40))
    assert out.getvalue().count("boom " * 40) == 1
    assert "trial 2 failed (as trial 1)" in out.getvalue()


def test_a_phase_is_told_again_within_every_ten_seconds(pipe):
    pipe.view.phase("Starting Ray")
    assert pipe.passes(9) == ["Starting Ray (9 s so far)"]
    assert pipe.passes(27) == [f"Starting Ray ({seconds} s so far)" for seconds in (18, 27, 36)]
    pipe.view.phase("Measuring the untouched base model")
    assert pipe.passes(8) == []


def test_what_takes_two_seconds_gets_no_line_of_its_own(pipe):
    progress = Progress(pipe.view.at)
    for file in range(20):
        with progress.phase(f"reading {file}"):
            assert pipe.passes(2) == []


def test_of_nested_phases_the_inner_ones_are_told_with_share_and_time_left(pipe):
    progress = Progress(pipe.view.at)
    pipe.view.phase("Preparing model and data")
    with progress.phase("building", total=100) as gauge:
        pipe.passes(5)  # before the first step, which says nothing of the pace
        gauge.set(1)
        pipe.now += 2
        gauge.set(21)
        said = "Preparing model and data: building 21% (9 s so far, about 16 s left)"
        assert pipe.passes(2) == [said]
    assert pipe.passes(9) == ["Preparing model and data (18 s so far)"]


def test_work_without_a_title_is_told_if_it_is_long(pipe):
    progress = Progress(pipe.view.at)
    with progress.phase("preparing model and data"), progress.phase("reading Rows.json"):
        (line,) = pipe.passes(9)
    assert line == "Preparing model and data: reading Rows.json (9 s so far)"
    assert pipe.passes(60) == []


def test_a_download_is_told_in_bytes(pipe):
    pipe.view.phase("Measuring the untouched base model")
    loading, download = ("loading the model",), ("downloading", 3e8, 1.2e9, "B")
    pipe.view.slots(cluster_of(slot("base", loading, download)))
    (line,) = pipe.passes(9)
    assert "loading the model, downloading 25% of 1.2 GB" in line


def test_a_phase_that_waits_for_slots_says_so(pipe):
    pipe.view.phase("Measuring the untouched base model")
    pipe.view.slots(cluster_of(slot(None, up=False), slot(None, up=False)))
    (line,) = pipe.passes(9)
    assert line == "Measuring the untouched base model: 0 of 2 slots up (9 s so far)"
    pipe.view.slots(cluster_of(slot("base"), slot(None, up=False)))
    (line,) = pipe.passes(9)
    assert line == "Measuring the untouched base model: starting (18 s so far)"


def begun(pipe: Pipe, *records) -> None:
    pipe.view.trials_begin(sweep(), "2 slots")
    for record in records:
        pipe.view.changed(record)


def test_running_trials_are_told_within_every_ten_seconds(pipe):
    begun(pipe, trial(0, "running"), trial(1, "running"), trial(2, "running"))
    steps = ("training", 10.0, 40.0, "step")
    pipe.view.slots(
        cluster_of(slot("0", steps, ("evaluating", 1.0, 2.0)), slot("1", ("loading the model",)))
    )
    assert pipe.passes(9) == [
        "alpaca-lora: 0 of 40 trials (9 s so far, about 24 min left): "
        "trial 0 step 10 of 40, evaluating 50%; trial 1 loading the model; "
        "trial 2 waiting for a slot"
    ]
    assert len(pipe.passes(90)) == 10


def test_short_trials_are_told_when_they_end_and_not_besides(pipe):
    begun(pipe)
    for number in range(30):
        pipe.view.changed(trial(number, "running"))
        assert pipe.passes(2) == []
        pipe.view.changed(trial(number, "complete", 2.0))
    assert len(pipe.lines) == 31


def test_a_long_trial_is_told_though_others_end_meanwhile(pipe):
    begun(pipe, trial(0, "running"))
    told = []
    for number in range(1, 12):
        pipe.view.changed(trial(number, "running"))
        pipe.view.changed(trial(number, "complete", 2.0))
        told += pipe.passes(3)
    assert len(told) == 3 and all("trial 0" in line for line in told)


def test_many_running_trials_are_one_line(pipe):
    begun(pipe, *(trial(number, "running") for number in range(40)))
    (line,) = pipe.passes(9)
    assert line.endswith("trial 0; trial 1; trial 2; trial 3; 36 more")


def test_nothing_is_told_of_trials_once_they_are_over(pipe):
    begun(pipe, trial(0, "running"))
    pipe.view.trials_end()
    assert pipe.passes(60) == []


def test_a_remark_of_a_slot_is_told_once(pipe):
    for _ in range(3):
        pipe.view.slots(cluster_of(slot("base"), slot("0"), remarks=("bf16 is slow",)))
    assert pipe.lines == ["Note: bf16 is slow"]


def test_a_slot_that_lost_its_workers_is_told_once_for_each_restart(pipe):
    for restarts, trials in ((0, 0), (1, 4), (1, 4), (2, 1), (3, 0)):
        pipe.view.slots(cluster_of(slot("0", restarts=restarts, sent_back=trials)))
    assert pipe.lines == [
        "Note: slot-0 restarted its workers (restart 1); the 4 trials that were running there side "
        "by side continue from their last checkpoints, each alone in a slot, so that one at fault "
        "is found",
        "Note: slot-0 restarted its workers (restart 2); the trial that was running there "
        "continues from its last checkpoint",
        "Note: slot-0 restarted its workers (restart 3)",
    ]


def test_it_ticks_by_itself_while_it_is_open_and_no_longer():
    out = io.StringIO()
    with PlainView(Console(file=out), every=0.05) as view:
        view.at((Phase("reading"),))
        while "Reading (" not in out.getvalue():
            view.at((Phase("reading"),))
    told = out.getvalue()
    view.at((Phase("reading"),))
    assert out.getvalue() == told
