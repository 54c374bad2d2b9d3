"""`sweep compare`: several sweeps in one report, or the reason why not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from finished_sweeps import a_search, ended_trial, sweep_tree, write_ended
from typer.testing import CliRunner

from results.records.record import Provenance
from sweeps.cli.app import app
from sweeps.home.home import SweepHome
from sweeps.page.comparison import render_comparison
from sweeps.verdict.comparison import compare
from trainables.board.job import LOSSES

DATA = Provenance(seed=1, data_fingerprint="abc")


def made(home, name, losses, provenance=DATA, tree=None, **changes):
    trials = [
        ended_trial(n, "complete", {"learning_rate": 1e-4 * (n + 1)}, loss)
        for n, loss in enumerate(losses)
    ]
    whole = {**(tree or sweep_tree()), "name": name}
    return write_ended(home, trials, whole, provenance=provenance, **changes)


def said(home, *words, code=0):
    done = CliRunner().invoke(app, ["compare", *words, "--home", str(home)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def with_losses(folder, number, sums):
    place = folder.store.trial_folder(number)
    np.savez(place / LOSSES, loss_sums=sums, token_counts=np.full(len(sums), 2))


def test_the_best_sweep_its_lead_and_its_paired_error(tmp_path):
    mine = np.array([2.0, 4.0, 3.0, 5.0])
    theirs = mine + np.array([0.2, 0.4, 0.1, 0.5])
    with_losses(made(tmp_path, "first", [9.0, theirs.sum() / 8]), 1, theirs)
    with_losses(made(tmp_path, "second", [mine.sum() / 8, 9.0]), 0, mine)
    text = said(tmp_path, "first", "second")
    each = (theirs - mine) / 2  # all examples have 2 tokens, so this is the plain error of a mean
    error = each.std(ddof=1) / 2
    assert f"Sweep second is best: its trial 0 has eval_loss {mine.sum() / 8:.4f}" in text
    assert f"{each.mean():.4f} ± {error:.4f} ahead of sweep first" in text
    assert f"{each.mean() / error:.1f} standard errors, paired over 4 examples: more than" in text
    told = json.loads(
        CliRunner()
        .invoke(app, ["compare", "first", "second", "--json", "--home", str(tmp_path)])
        .stdout
    )
    assert [each["sweep"] for each in told["sweeps"]] == ["second", "first"]
    assert told["sweeps"][1]["standard_error"] == pytest.approx(error)
    assert told["sweeps"][1]["best"]["trial"] == 1 and told["sweeps"][0]["behind"] == 0


def test_the_table_fits_100_columns_and_names_the_settings_that_differ(tmp_path):
    made(tmp_path, "one", [1.0])
    long = sweep_tree(
        budget={"trials": 8, "evaluations": 4},
        space={"learning_rate": {"log_uniform": [1e-6, 1e-2]}, "lora.rank": {"choice": [4, 8]}},
    )
    made(tmp_path, "another-with-a-long-name", [2.0], tree=long)
    done = CliRunner().invoke(
        app, ["compare", "one", "another-with-a-long-name", "--home", str(tmp_path)]
    )
    assert max(map(len, done.output.splitlines())) <= 100
    rows = [line.split() for line in done.output.splitlines()]
    assert ["budget.trials", "40", "8"] in rows
    assert not any(row[:1] in (["name"], ["search.seed"]) for row in rows)


def test_a_tie_and_a_sweep_without_a_complete_trial(tmp_path):
    for name in ("a", "b"):
        made(tmp_path, name, [1.5])
    made(tmp_path, "c", [])
    text = said(tmp_path, "c", "a", "b")
    assert "has eval_loss 1.5000, and so has the best of sweep b: a tie." in text
    assert "no complete trial" in text
    assert "no other sweep has a complete trial" in said(tmp_path, "c", "a")
    made(tmp_path, "d", [])
    assert "No trial of these sweeps has completed." in said(tmp_path, "c", "d")


def test_what_cannot_be_compared_is_refused_with_the_reason(tmp_path):
    made(tmp_path, "a", [1.5])
    made(tmp_path, "other-data", [1.0], provenance=Provenance(seed=1, data_fingerprint="xyz"))
    made(tmp_path, "old", [1.0], provenance=None)
    by_cost = sweep_tree(search={"metric": "eval_cost", "seed": 1})
    made(tmp_path, "cost", [{"eval_cost": 0.5}], tree=by_cost)
    both = sweep_tree(search={"metrics": {"eval_loss": "min", "eval_cost": "min"}, "seed": 1})
    made(tmp_path, "front", [{"eval_loss": 1.0, "eval_cost": 1.0}], tree=both)
    assert "data differ (fingerprints abc and xyz)" in said(tmp_path, "a", "other-data", code=2)
    assert "fingerprints abc and unknown" in said(tmp_path, "a", "old", code=2)
    assert "by eval_loss (min), the other by eval_cost (min)" in said(tmp_path, "a", "cost", code=2)
    assert "'front' searches by eval_loss and eval_cost" in said(tmp_path, "a", "front", code=2)
    assert "named twice" in said(tmp_path, "a", "a", code=2)
    assert "two sweeps or more" in said(tmp_path, "a", code=2)
    assert "nowhere" in said(tmp_path, "a", "nowhere", code=2)


def test_the_page_has_all_sweeps_and_loads_nothing(tmp_path):
    import plotly.graph_objects as go

    for name, count in (("few", 3), ("many", 30)):
        write_ended(tmp_path, a_search(count), {**sweep_tree(), "name": name}, provenance=DATA)
    path = tmp_path / "both.html"
    assert f"Report: {path}" in said(tmp_path, "few", "many", "-o", str(path))
    text = path.read_text(encoding="utf-8")
    assert (
        "src=" not in text.partition("<script")[0] and "<link" not in text.partition("<script")[0]
    )
    charts = json.loads(text.partition('id="charts">')[2].partition("</script>")[0])
    figure = go.Figure(charts["progress"])
    assert [line.name for line in figure.data] == ["many", "few"]
    best = min(
        each.measurements[-1].metrics["eval_loss"] for each in a_search(30) if each.status.can_win
    )
    assert figure.data[0].y[-1] == pytest.approx(best, rel=1e-5)


def test_the_line_of_a_sweep_ends_at_its_best_on_the_whole_validation_set(tmp_path):
    """Not at what it had on the part of the set that evaluations under way took."""
    folder = made(tmp_path, "parts", [1.5, 1.4])
    for record in folder.store.trials():
        (at,) = record.measurements
        parts = at.model_copy(update={"subset": {"eval_loss": 0.5 + record.number}})
        folder.store.write_trial(record.with_changes(measurements=(parts,)))
    made(tmp_path, "whole", [1.6])
    compared = compare([folder, SweepHome(tmp_path).sweep("whole")])
    page = render_comparison(compared)
    charts = json.loads(page.partition('id="charts">')[2].partition("</script>")[0])
    assert [line["y"][-1] for line in charts["progress"]["data"]] == [1.4, 1.6]


def test_strange_settings_are_shown_and_not_run(tmp_path):
    nasty = "<script>alert(数据)</script>"
    for name in ("a", "b"):
        made(tmp_path, name, [1.5])
    file = made(tmp_path, "c", [2.5]).spec
    file.write_text(f'{file.read_text()}\nmodel_note: "{nasty}"\n', encoding="utf-8")
    path = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["compare", "a", "c", "-o", str(path), "--home", str(tmp_path)])
    assert done.exit_code == 0, done.output
    page = path.read_text(encoding="utf-8")
    assert nasty not in page and "&lt;script&gt;alert(数据)&lt;/script&gt;" in page
