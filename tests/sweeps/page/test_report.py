"""The report as a reader and a browser get it: its words, its numbers, its charts."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import pytest
from finished_sweeps import a_search, ended_trial, sweep_tree, write_ended
from typer.testing import CliRunner

from sweeps.cli.app import app
from sweeps.home.home import SweepHome
from sweeps.page.page import render, write
from sweeps.page.tables import cost
from sweeps.verdict.results import Results

NAMES = ["learning_rate", "lora.rank", "schedule", "wsd.decay_fraction"]


class Page(HTMLParser):
    """A page's text, its tags, and the content of its scripts by id."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.words, self.tags, self.scripts, self.loaded = [], [], {}, []
        self._script = None
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.loaded += [attrs[name] for name in ("src", "href") if name in attrs]
        if tag in ("script", "style"):
            self._script = attrs.get("id", tag)

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._script = None

    def handle_data(self, data):
        if self._script is None:
            self.words.append(data)
        else:
            self.scripts.setdefault(self._script, "")
            self.scripts[self._script] += data

    @property
    def charts(self) -> dict:
        return json.loads(self.scripts["charts"])

    @property
    def numbers(self) -> dict:
        return json.loads(self.scripts["numbers"])


def page_of(folder) -> Page:
    return Page(render(Results.read(folder)))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    return write_ended(tmp_path_factory.mktemp("home"), a_search(40))


@pytest.fixture(scope="module")
def page(searched):
    return page_of(searched)


def test_the_numbers_are_those_of_winners_json(searched, page):
    home = searched.path.parents[1]
    done = CliRunner().invoke(app, ["winners", "ended", "--json", "--home", str(home)])
    assert page.numbers == json.loads(done.stdout)
    best = page.numbers["winners"][0]
    said = f"Trial {best['trial']} wins: eval_loss {best['metrics']['eval_loss']:.4f}"
    assert said in page.text
    assert f"{4.0 - best['metrics']['eval_loss']:.4f} better than the untouched base" in page.text


def test_the_page_is_whole_by_itself(page):
    """Nothing is loaded from elsewhere, and it is small enough for a mail."""
    assert page.loaded == []
    assert "@import" not in page.scripts["style"] and "url(" not in page.scripts["style"]


def test_500_trials_with_9_evaluations_take_at_most_6_megabytes(tmp_path, monkeypatch):
    # fANOVA's shares of 500 trials are bars of one chart, and take 15 seconds.
    monkeypatch.setattr("sweeps.advice.importance._fanova", lambda *_: {})
    path = write(write_ended(tmp_path, a_search(500, points=9)))
    assert 4e6 < path.stat().st_size < 6e6


def test_every_chart_is_one_that_plotly_takes(page):
    import plotly.graph_objects as go

    assert {"curves", "progress", "parallel", "importance-complete", "importance-all",
            "slice-learning_rate", "rank-map"} <= page.charts.keys()  # fmt: skip
    for chart in page.charts.values():
        go.Figure(chart)  # ValueError on unknown fields and wrong values


def test_every_chart_says_in_words_what_it_shows(page):
    plots = [attrs for _, attrs in page.tags if attrs.get("role") == "img"]
    assert {attrs["id"] for attrs in plots} == page.charts.keys()
    assert all(len(attrs["aria-label"].split()) > 6 for attrs in plots)


def test_the_curves_are_the_trials_measurements_by_outcome(searched, page):
    lines = {trace["name"]: trace for trace in page.charts["curves"]["data"]}
    by_status = {
        status: [r for r in searched.trials() if r.status.value == status]
        for status in ("complete", "pruned", "diverged")
    }
    assert all(by_status.values())
    complete = len(by_status["complete"]) - 1  # the winner has a line of its own
    assert set(lines) == {
        f"complete ({complete})",
        f"stopped early ({len(by_status['pruned'])})",
        f"diverged ({len(by_status['diverged'])})",
        "winner (1)",
    }
    stopped = lines[f"stopped early ({len(by_status['pruned'])})"]
    wanted = [
        (r.number, m.point, pytest.approx(m.metrics["eval_loss"], rel=1e-5))
        for r in by_status["pruned"]
        for m in r.measurements
    ]
    drawn = zip(stopped["customdata"], stopped["x"], stopped["y"], strict=True)
    assert [each for each in drawn if each[0] is not None] == wanted


def test_a_slice_holds_the_trials_that_have_the_parameter(tmp_path):
    trials = [
        each.with_changes(
            measurements=ended_trial(
                0, "complete", {}, each.params["wsd.decay_fraction"]
            ).measurements
        )
        if "wsd.decay_fraction" in each.params
        else ended_trial(each.number, "complete", each.params, 3.0)
        for each in a_search(40)
    ]
    trials = [each.with_changes(status="complete") for each in trials]
    charts = page_of(write_ended(tmp_path, trials)).charts
    drawn = charts["slice-wsd-decay_fraction"]["data"]
    marks = next(trace for trace in drawn if trace["name"].startswith("complete"))
    having = [each for each in trials if "wsd.decay_fraction" in each.params]
    assert 0 < len(having) < 40
    assert len(marks["x"]) == len(having)
    assert marks["x"] == pytest.approx(marks["y"]), "the value is the parameter here"


def test_the_learning_rate_is_found_to_matter_most(page):
    for key in ("importance-complete", "importance-all"):
        for bars in page.charts[key]["data"]:
            shares = dict(zip(bars["y"], bars["x"], strict=True))
            assert max(shares, key=shares.get) == "learning_rate", (key, bars["name"])


def test_too_few_trials_to_say_what_matters(tmp_path):
    page = page_of(write_ended(tmp_path, a_search(6)))
    assert "Too few trials to say: " in page.text and "at least 10" in page.text
    assert "importance-complete" not in page.charts


NASTY = "<script>alert('数据')</script>"


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [ended_trial(0, "failed", {"learning_rate": 1e-4}, error=f"ValueError: {NASTY}")],
        [ended_trial(0, "diverged", {"learning_rate": 1e-4}, math.nan, math.inf)],
        [ended_trial(0, "complete", {"learning_rate": 1e-4}, 2.0)],
        [ended_trial(n, "complete", {"learning_rate": 1e-4}, 2.0) for n in range(12)],
        [ended_trial(n, "complete", {"learning_rate": 1e-5 * (n + 1)}, 2.0 + n) for n in range(30)],
        [ended_trial(n, "complete", {"lora.rank": 4}, math.nan) for n in range(3)],
        [
            ended_trial(n, "pruned", {"learning_rate": 1e-5 * (n + 1)}, 3.0, points=4)
            for n in (0, 1)
        ],
        [ended_trial(n, "complete", {"model": f"模型/{NASTY}{n}"}, 2.0 + n) for n in range(20)],
        [ended_trial(0, "running", {"learning_rate": 1e-4}), ended_trial(1, "waiting", {})],
    ],
    ids=["none", "failed", "diverged", "one", "equal", "one parameter", "NaN", "stopped",
         "strange names", "unfinished"],
)  # fmt: skip
def test_sweeps_of_every_kind_have_a_report(tmp_path, trials):
    import plotly.graph_objects as go

    page = page_of(write_ended(tmp_path, trials))
    assert [tag for tag, _ in page.tags].count("script") == 4, "the page's own, and no other"
    for chart in page.charts.values():
        go.Figure(chart)
        assert NASTY not in json.dumps(chart, ensure_ascii=False)
    for trial in trials:
        assert all(str(value)[:10] in page.text or name == "learning_rate"
                   for name, value in trial.params.items())  # fmt: skip
    if trials and trials[0].error:
        assert NASTY in page.text, "shown, and not run"


def test_a_front_has_its_chart(tmp_path):
    tree = sweep_tree(search={"metrics": {"eval_loss": "min", "eval_cost": "min"}, "seed": 1})
    points = [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0), (3.0, 3.0)]
    trials = [
        ended_trial(n, "complete", {"learning_rate": 1e-4 * (n + 1)},
                    {"eval_loss": loss, "eval_cost": cost})
        for n, (loss, cost) in enumerate(points)
    ]  # fmt: skip
    page = page_of(write_ended(tmp_path, trials, tree))
    front = next(t for t in page.charts["front-eval_cost"]["data"] if "front" in t["name"])
    assert list(zip(front["x"], front["y"], strict=True)) == points[:3]
    assert "3 of 4 trials are on the front" in page.text


def test_a_sweep_whose_files_have_gone_has_its_report_all_the_same(tmp_path):
    folder = write_ended(tmp_path, a_search(20))
    folder.spec.unlink()
    page = page_of(folder)
    assert "wins" in page.text and "its space is unknown" in page.text
    assert page.charts["slice-learning_rate"]["layout"]["xaxis"]["type"] == "log"


def test_the_spec_is_read_from_the_folder_of_the_launch(tmp_path, monkeypatch):
    """Its files are named relative to that folder; the report may be made in another."""
    launched, elsewhere = tmp_path / "launched", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (launched / "m").mkdir(parents=True)
    (launched / "m" / "config.json").write_text('{"model_type": "llama"}')
    (launched / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    tree = {
        "name": "ended",
        "model": "./m",
        "data": {"train": "rows.jsonl", "validation": 0.5},
        "budget": {"trials": 4, "steps": 4},
        "space": {"learning_rate": {"log_uniform": [1e-6, 1e-2]}},
    }
    monkeypatch.chdir(launched)
    write_ended(tmp_path / "home", a_search(3), tree, folder=str(launched))
    monkeypatch.chdir(elsewhere)
    page = page_of(SweepHome(Path("../home")).existing("ended"))
    assert "train rows.jsonl" in page.text and "its space is unknown" not in page.text
    assert Path.cwd() == elsewhere


def test_left_out_rows_are_told(tmp_path):
    folder = write_ended(tmp_path, a_search(3), rows_left_out={"no answer": 1234})
    assert "rows left out: no answer 1,234" in page_of(folder).text


def test_the_time_between_the_parts_of_a_resumed_sweep_is_none_of_its_own(tmp_path):
    trials = [ended_trial(0, "complete", {"learning_rate": 1e-4}, 1.0)]
    parts = {"created": 50.0, "seconds_before": 60.0, "resumed": [90_000.0], "ended": 90_120.0}
    folder = write_ended(tmp_path, trials, **parts)
    assert dict(cost(Results.read(folder)))["wall-clock time"] == "3 min"


def test_early_stopping_shows_its_rungs_and_what_it_saved(tmp_path):
    tree = sweep_tree(
        budget={"trials": 40, "evaluations": 9}, search={"early_stopping": "asha", "seed": 1}
    )
    trials = [
        ended_trial(0, "complete", {"learning_rate": 1e-4}, *[3.0] * 9),
        ended_trial(1, "pruned", {"learning_rate": 1e-5}, *[4.0] * 3, points=9, seconds=600.0),
    ]
    page = page_of(write_ended(tmp_path, trials, tree))
    assert [line["x0"] for line in page.charts["curves"]["layout"]["shapes"]] == [1, 3]
    assert "about 20 min and 60 steps, the rest of 1 stopped trial" in page.text
    assert "verticals (1, 3), and at each later evaluation a trial with those" in page.text
    tree["search"]["early_stopping_options"] = {"recheck": False}
    assert "verticals (1, 3)." in page_of(write_ended(tmp_path / "once", trials, tree)).text


def test_the_command_writes_the_file_and_says_where(tmp_path):
    folder = write_ended(tmp_path, a_search(3))
    for options, path in (
        ([], folder.report),
        (["-o", str(tmp_path / "r.html")], tmp_path / "r.html"),
    ):
        done = CliRunner().invoke(app, ["report", "ended", "--home", str(tmp_path), *options])
        assert done.exit_code == 0 and str(path) in done.output.replace("\n", "")
        assert "wins" in Page(path.read_text(encoding="utf-8")).text
    done = CliRunner().invoke(
        app, ["report", "ended", "--home", str(tmp_path), "-o", str(tmp_path / "no" / "r.html")]
    )
    assert done.exit_code == 2 and "no" in done.output and "Traceback" not in done.output
    assert SweepHome(tmp_path).existing("ended").report.exists()
