from __future__ import annotations

import io

import pytest
from rich.console import Console

from results.record import Measurement, SweepRecord, TrialRecord
from sweeps.live import PlainView, Progress, duration, render, show_params


def sweep(**changes) -> SweepRecord:
    fields = {
        "name": "alpaca-lora",
        "state": "running",
        "metric": "eval_loss",
        "mode": "min",
        "budget_trials": 40,
        "created": 0.0,
        "base": {"eval_loss": 4.5},
    }
    return SweepRecord(**{**fields, **changes})


def trial(number: int, status: str, *losses: float, **changes) -> TrialRecord:
    return TrialRecord(
        sweep="alpaca-lora",
        number=number,
        status=status,
        params={"learning_rate": 0.00021, "lora.rank": 8, "schedule": "wsd", "batch_size": 16},
        config={"budget.evaluations": 4},
        measurements=tuple(
            Measurement(point=i, step=i, tokens=i * 100, seconds=i, metrics={"eval_loss": loss})
            for i, loss in enumerate(losses, 1)
        ),
        tokens=len(losses) * 100,
        **changes,
    )


@pytest.fixture
def progress() -> Progress:
    records = [
        trial(0, "complete", 3.0, 2.5),
        trial(1, "pruned", 3.5),
        trial(2, "diverged", error="the loss is not finite"),
        trial(3, "running", 2.0),
    ]
    return Progress(sweep(), "1 slot", began=0.0, records={r.number: r for r in records})


def picture(progress: Progress, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(render(progress, now=30.0))
    return console.file.getvalue()


def test_the_table_tells_how_far_the_sweep_is(progress):
    shown = picture(progress)
    for text in (
        "3 of 40 trials",
        "running 1",
        "pruned 1",
        "diverged 1",
        "best so far  eval_loss 2.5000  trial 0",
        "base model   eval_loss 4.5000",
        "13 tokens/s",
        "about 6 min left",
        "the loss is not finite",
    ):
        assert text in shown


def test_a_running_trial_is_not_the_best_though_its_loss_is_lowest(progress):
    assert [winner.record.number for winner in progress.chosen()] == [0]


def two_metrics(number: int, loss: float, cost: float) -> TrialRecord:
    """A complete trial of a sweep with two metrics."""
    record = trial(number, "complete", loss)
    (last,) = record.measurements
    both = last.with_changes(metrics={"eval_loss": loss, "eval_cost": cost})
    return record.with_changes(measurements=(both,))


def test_of_several_metrics_the_table_shows_all_and_how_wide_the_front_is():
    record = sweep(other_metrics={"eval_cost": "min"}, base={"eval_loss": 4.5, "eval_cost": 0.0})
    trials = [two_metrics(0, 2.5, 0.7), two_metrics(1, 2.0, 0.9), two_metrics(2, 2.6, 0.8)]
    shown = picture(Progress(record, "1 slot", 0.0, {each.number: each for each in trials}))
    assert "front so far 2 trials  eval_loss 2.0000 to 2.5000  eval_cost 0.7000 to 0.9000" in shown
    assert "base model   eval_loss 4.5000  eval_cost 0.0000" in shown
    row = next(line for line in shown.splitlines() if line.startswith("    2"))
    assert row.split()[3:5] == ["2.6000", "0.8000"]
    out = io.StringIO()
    view = PlainView(Console(file=out))
    view.trials_begin(record, "1 slot")
    view.changed(trials[2])
    assert "trial 2 complete eval_loss 2.6000 eval_cost 0.8000" in " ".join(out.getvalue().split())


def test_it_fits_in_100_columns(progress):
    shown = picture(progress)
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert all(word in shown for word in ("trial", "complete", "diverged", "eval_loss"))


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
    ("seconds", "text"), [(7, "7 s"), (89, "89 s"), (600, "10 min"), (12000, "3 h 20 min")]
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


def test_params_read_well():
    assert show_params({"a.b": 0.000123456, "c": ["q", "v"]}) == "a.b 0.000123  c q,v"
