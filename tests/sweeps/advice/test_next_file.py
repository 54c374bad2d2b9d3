"""The next sweep's file, as `sweep next` writes it."""

from __future__ import annotations

import io

import pytest
import yaml
from finished_sweeps import a_search, ended_trial, sweep_tree, write_ended
from rich.console import Console
from typer.testing import CliRunner

from sweeps.advice.next_file import next_name
from sweeps.cli.app import app
from sweeps.home.home import SweepHome
from sweeps.report.finale import show_result
from sweeps.run.warm_start import read_earlier
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.results import Results


def next_of(home, *options) -> tuple[int, str]:
    words = ["next", "ended", "--home", str(home), *map(str, options)]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "400"})
    return done.exit_code, done.output


def best_at_the_upper_bound(**space):
    """Twenty trials, of which those with the highest learning rate are best."""
    return [
        ended_trial(n, "complete", {"learning_rate": 10 ** (-6 + 4 * n / 19), **space}, 9.0 - n / 9)
        for n in range(20)
    ]


def test_the_next_file_has_the_changes_and_starts_from_the_trials(tmp_path):
    write_ended(tmp_path, best_at_the_upper_bound(schedule="cosine"))
    path = tmp_path / "next.yaml"
    code, said = next_of(tmp_path, "-o", path)
    assert code == 0, said
    spec = SweepSpec.load(path)
    assert spec.name == "ended-2"
    assert spec.space["learning_rate"].domain.high == 1.0, "wider by half of its four decades"
    assert spec.trials == 41, "more than the 40 that were asked for"
    assert spec.search.warm_start == ("ended",)
    assert read_earlier(spec, SweepHome(tmp_path)), "it can be launched"
    assert path.read_text().startswith("# The best learning_rate is at the edge of its range: ")
    assert "The best learning_rate is at the edge" in said and "space.learning_rate: {" in said


@pytest.mark.parametrize("there", [True, False])
def test_a_sweep_that_was_started_from_another_passes_that_on_if_it_still_exists(tmp_path, there):
    if there:
        write_ended(tmp_path, best_at_the_upper_bound(), sweep_tree(name="older"))
    search = {"seed": 1, "warm_start": ["older"], "first_points": [{"lora.rank": 4}]}
    write_ended(tmp_path, best_at_the_upper_bound(), sweep_tree(search=search))
    path = tmp_path / "next.yaml"
    assert next_of(tmp_path, "-o", path)[0] == 0
    spec = SweepSpec.load(path)
    assert spec.search.warm_start == (("older", "ended") if there else ("ended",))
    assert spec.first_points == ()


def test_an_existing_file_is_not_replaced(tmp_path):
    write_ended(tmp_path, best_at_the_upper_bound())
    path = tmp_path / "next.yaml"
    path.write_text("mine")
    code, said = next_of(tmp_path, "-o", path)
    assert code == 2 and "already exists" in said and path.read_text() == "mine"


def test_a_space_by_a_presets_name_keeps_the_rest_of_it(tmp_path):
    tree = sweep_tree(space="lora")
    space = SweepSpec.parse(tree).space
    low, high = space["learning_rate"].domain.low, space["learning_rate"].domain.high
    trials = [
        ended_trial(n, "complete", {"learning_rate": low * (high / low) ** (n / 19)}, 9.0 - n / 9)
        for n in range(20)
    ]
    write_ended(tmp_path, trials, tree)
    path = tmp_path / "next.yaml"
    assert next_of(tmp_path, "-o", path)[0] == 0
    assert yaml.safe_load(path.read_text())["space"]["preset"] == "lora"
    wider = SweepSpec.load(path).space
    assert set(wider) == set(space) and wider["learning_rate"].domain.high > high


@pytest.mark.parametrize(
    ("trials", "words"),
    [([], "no trial is complete"), ([ended_trial(0, "pruned", {}, 3.0)], "no trial is complete")],
)
def test_a_sweep_of_which_nothing_can_be_said(tmp_path, trials, words):
    write_ended(tmp_path, trials)
    code, said = next_of(tmp_path, "-o", tmp_path / "next.yaml")
    assert code == 2 and words in said and not (tmp_path / "next.yaml").exists()


def test_a_sweep_whose_file_has_gone(tmp_path):
    write_ended(tmp_path, a_search(12)).spec.unlink()
    code, said = next_of(tmp_path)
    assert code == 2 and "its sweep file cannot be read" in said


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("alpaca", "alpaca-2"),
        ("alpaca-2", "alpaca-3"),
        ("a-9", "a-10"),
        ("x" * 64, "x" * 62 + "-2"),
    ],
)
def test_names_are_numbered(name, wanted):
    assert next_name(name) == wanted and len(wanted) <= 64


def test_the_end_of_a_sweep_shows_the_advice_and_the_command(tmp_path):
    folder = write_ended(tmp_path, best_at_the_upper_bound())
    console = Console(file=io.StringIO(), width=100)
    show_result(console, Results.read(folder))
    text = console.file.getvalue()
    assert "space.learning_rate: {log_uniform: [1.0e-06, 1.0]}" in text
    assert "sweep next ended" in text
