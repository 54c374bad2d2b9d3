from __future__ import annotations

import io

import pytest
from rich.console import Console

from results.record import Measurement, SweepRecord, TrialRecord
from sweeps.live import PlainView, Progress, duration, render


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


ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
ALL = [*ATTENTION, "gate_proj", "up_proj", "down_proj"]


def alike(number: int, modules: list[str], status: str = "complete", **changes) -> TrialRecord:
    """Trials of which only one long value differs, which stands last."""
    record = trial(number, status, 2.0 + number, **changes)
    return record.with_changes(params={**record.params, "lora.target_modules": modules})


@pytest.mark.parametrize("width", [80, 100])
def test_two_choices_of_a_long_value_look_different_in_a_narrow_terminal(width):
    trials = [alike(0, ATTENTION), alike(1, ALL), alike(2, ATTENTION, "running")]
    shown = picture(Progress(sweep(), "1 slot", 0.0, {each.number: each for each in trials}), width)
    table = shown[shown.index("trial  ") :]
    assert max(map(len, shown.splitlines())) <= width
    words = " ".join(table.split())
    assert words.count("lora.target_modules […, o_proj]") == 2
    assert "lora.target_modules […, o_proj, gate_proj, up_proj, down_proj]" in words
    assert "in all of them: learning_rate 0.00021 lora.rank 8 schedule wsd batch_size 16" in words


@pytest.mark.parametrize("width", [80, 100])
def test_a_reason_that_many_trials_share_is_in_the_picture_once(width):
    long = "the data folder /srv/share/projects/translation cannot be read: " + "x " * 60
    failed = [alike(n, ATTENTION, "failed", error=f"{long}{n == 3}") for n in range(6)]
    shown = picture(Progress(sweep(), "1 slot", 0.0, {each.number: each for each in failed}), width)
    assert shown.count("cannot be read") == 2
    assert "5 trials (0 to 2, 4, 5): failed: the data folder" in shown
    assert "trial 3: failed: the data folder" in shown


def test_of_many_reasons_the_latest_are_shown_and_the_others_counted():
    failed = [alike(n, ATTENTION, "failed", error=f"reason {n}") for n in range(5)]
    shown = picture(Progress(sweep(), "1 slot", 0.0, {each.number: each for each in failed}))
    assert "reason 4" in shown and "reason 3" in shown and "reason 2" not in shown
    assert "and 3 other reasons" in shown


def test_plain_lines_tell_a_reason_in_full_once():
    out = io.StringIO()
    view = PlainView(Console(file=out, width=250))
    view.trials_begin(sweep(), "1 slot")
    for number in (1, 2):
        view.changed(trial(number, "failed", error="boom " * 40))
    assert out.getvalue().count("boom " * 40) == 1
    assert "trial 2 failed (as trial 1)" in out.getvalue()


def test_the_table_is_no_longer_than_the_terminal_and_running_trials_come_first():
    long = {f"parameter.{letter}": letter * 8 for letter in "abcdefgh"}
    trials = [trial(n, "complete", 2.0, ended=n) for n in range(7)] + [trial(9, "running", 2.0)]
    records = {t.number: t.with_changes(params={**long, "number": t.number}) for t in trials}
    for number in range(6):  # nothing in common
        records[number] = records[number].with_changes(params={**long, f"n{number}": number})
    console = Console(width=80, height=24, file=io.StringIO())
    console.print(render(Progress(sweep(), "1 slot", 0.0, records), now=30.0))
    shown = console.file.getvalue().splitlines()
    assert len(shown) <= 24
    assert any(line.startswith("    9   running") for line in shown)
