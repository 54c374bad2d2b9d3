from __future__ import annotations

import io

import pytest
from live_samples import cluster_of, slot, standing_of, sweep, trial, two_metrics
from rich.console import Console

from results.ranking.figures import latest
from results.records.record import Measurement, TrialRecord
from sweeps.display.duration import duration
from sweeps.display.live import LiveView, bar, render, show_metrics
from sweeps.display.plain import PlainView
from sweeps.display.standing import Standing
from sweeps.display.underway import Glimpse
from trainables.core.progress import Phase


@pytest.fixture
def standing() -> Standing:
    return standing_of(
        trial(0, "complete", 3.0, 2.5),
        trial(1, "pruned", 3.5),
        trial(2, "diverged", error="the loss is not finite"),
        trial(3, "running", 2.0),
    )


def picture(standing: Standing, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(render(standing, now=30.0))
    return console.file.getvalue()


def test_the_table_tells_how_far_the_sweep_is(standing):
    shown = picture(standing)
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


def test_a_running_trial_is_not_the_best_though_its_loss_is_lowest(standing):
    assert [winner.record.number for winner in standing.chosen()] == [0]


def test_of_several_metrics_the_table_shows_all_and_how_wide_the_front_is():
    two = {"other_metrics": {"eval_cost": "min"}, "base": {"eval_loss": 4.5, "eval_cost": 0.0}}
    trials = [two_metrics(0, 2.5, 0.7), two_metrics(1, 2.0, 0.9), two_metrics(2, 2.6, 0.8)]
    shown = picture(standing_of(*trials, **two))
    assert "front so far 2 trials  eval_loss 2.0000 to 2.5000  eval_cost 0.7000 to 0.9000" in shown
    assert "base model   eval_loss 4.5000  eval_cost 0.0000" in shown
    row = next(line for line in shown.splitlines() if line.startswith("    2"))
    assert "  2.6000     0.8000  " in row
    out = io.StringIO()
    view = PlainView(Console(file=out))
    view.trials_begin(sweep(**two), "1 slot")
    view.changed(trials[2])
    assert "trial 2 complete eval_loss 2.6000 eval_cost 0.8000" in " ".join(out.getvalue().split())


@pytest.mark.parametrize("width", [80, 100])
def test_it_fits_in_the_terminal_with_all_numbers(standing, width):
    steps = ("training", 40.0, 100.0, "step")
    standing.cluster = cluster_of(slot("3", steps, ("evaluating", 1.0, 4.0)), slot(None, up=False))
    shown = picture(standing, width)
    assert max(len(line) for line in shown.splitlines()) <= width
    (running,) = [line for line in shown.splitlines() if line.startswith("    3")]
    assert running.split()[:6] == ["3", "evaluating", "40%", "1/4", "30", "s"]
    assert all(word in shown for word in ("diverged", "eval_loss", "2.5000", "1 of 2 slots up"))
    assert "30 s so far" in shown


def drawn(glimpse: Glimpse | None, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(bar(glimpse))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100])
def test_what_takes_long_is_one_line_of_a_terminal(width):
    for share in (0.5, None):
        glimpse = Glimpse("Preparing", f"downloading {'x' * 99}", 30.0, share, 25.0)
        (line,) = drawn(glimpse, width)
        assert len(line.rstrip()) <= width and "downloading x" in line
        assert line.rstrip().endswith("30 s so far, about 25 s left")


def test_what_began_just_now_is_not_drawn_yet():
    assert drawn(Glimpse("Starting Ray", "", 0.5), 80) == [] == drawn(None, 80)
    assert drawn(Glimpse("Starting Ray", "", 2.0), 80)[0].split("  ")[0] == "Starting Ray"


def test_a_terminal_is_left_clean_and_shows_notes_once():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with LiveView(console) as view:
        view.phase("Measuring the untouched base model")
        for _ in range(2):
            view.slots(cluster_of(slot("base"), remarks=("bf16 is slow",)))
        view.at((Phase("reading", 1.0, 3.0),))
        view.trials_begin(sweep(), "1 slot")
        view.trials_end()
        view.phase("Writing the rest to MLflow")
    shown = console.file.getvalue()
    assert shown.count("Note: bf16 is slow") == 1
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l"), "the cursor is back"


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
    shown = picture(standing_of(*trials), width)
    table = shown[shown.index("trial  ") :]
    assert max(map(len, shown.splitlines())) <= width
    words = " ".join(table.split())
    assert words.count("lora.target_modules […, o_proj]") == 2
    assert "lora.target_modules […, o_proj, gate_proj, up_proj, down_proj]" in words
    assert "common to all: learning_rate 0.00021 lora.rank 8 schedule wsd batch_size 16" in words


@pytest.mark.parametrize("width", [80, 100])
def test_a_reason_that_many_trials_share_is_in_the_picture_once(width):
    long = "the data folder /srv/share/projects/translation cannot be read: " + "x " * 60
    failed = [alike(n, ATTENTION, "failed", error=f"{long}{n == 3}") for n in range(6)]
    shown = picture(standing_of(*failed), width)
    assert shown.count("cannot be read") == 2
    assert "5 trials (0 to 2, 4, 5): failed: the data folder" in shown
    assert "trial 3: failed: the data folder" in shown


def test_of_many_reasons_the_latest_are_shown_and_the_others_counted():
    failed = [alike(n, ATTENTION, "failed", error=f"reason {n}") for n in range(5)]
    shown = picture(standing_of(*failed))
    assert "reason 4" in shown and "reason 3" in shown and "reason 2" not in shown
    assert "and 3 other reasons" in shown


def test_the_table_is_no_longer_than_the_terminal_and_running_trials_come_first():
    long = {f"parameter.{letter}": letter * 8 for letter in "abcdefgh"}
    trials = [trial(n, "complete", 2.0, ended=n) for n in range(7)] + [trial(9, "running", 2.0)]
    records = {t.number: t.with_changes(params={**long, "number": t.number}) for t in trials}
    for number in range(6):  # nothing in common
        records[number] = records[number].with_changes(params={**long, f"n{number}": number})
    console = Console(width=80, height=24, file=io.StringIO())
    console.print(render(standing_of(*records.values()), now=30.0))
    shown = console.file.getvalue().splitlines()
    assert len(shown) <= 24
    assert any(line.startswith("    9   running") for line in shown)


@pytest.mark.parametrize(
    ("value", "text"),
    [(8.273e-06, "8.3e-06"), (0.0, "0.0000"), (0.12345, "0.1235"), (1e-17, "0.0000")],
)
def test_a_value_that_four_places_would_hide_is_shown_with_two_digits(value, text):
    assert show_metrics({"eval_kl": value}, ["eval_kl"]) == f"eval_kl {text}"
    when = {"point": 1, "step": 1, "tokens": 1, "seconds": 1.0}
    whole = Measurement(metrics={"eval_kl": value}, **when)
    assert latest(whole, "eval_kl") == text
    part = Measurement(metrics={}, **when, subset={"eval_kl": value})
    assert latest(part, "eval_kl") == f"~{text}"
