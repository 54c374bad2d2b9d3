"""The replay of searches: rows, clock, what searches are told, and the statistics."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import optuna
import pytest

from benchmarks.replay.clock import Clock
from benchmarks.replay.figures import against, holm, mean_ranks, median_interval
from benchmarks.replay.one_rung import one_rung
from benchmarks.replay.own import of_sweep
from benchmarks.replay.report import report
from benchmarks.replay.results import Case, read, write
from benchmarks.replay.table import POINTS, Row, Table, row_of_curve
from benchmarks.replay.tables import TABLES, deberta
from benchmarks.replay.ways import WAYS
from benchmarks.replay.whole import lines
from results.records.record import Measurement, SweepRecord, TrialRecord
from results.records.store import RecordStore
from search_spaces.space import Space

SPACE = Space.parse(
    {
        "rate": {"log_uniform": [1e-4, 1.0]},
        "size": {"int": [0, 10]},
        "kind": {"choice": ["a", "b"]},
    }
)


def row(rate: float, size: int, kind: str, steps: int = 90, loss: float = 1.0) -> Row:
    """A run whose loss falls evenly to `loss`, from 1 above."""
    points = tuple(range(1, POINTS + 1))
    return Row(
        {"rate": rate, "size": size, "kind": kind},
        points,
        tuple(steps * point // POINTS for point in points),
        tuple(loss + 1 - point / POINTS for point in points),
    )


def bowl(rows: int = 60) -> Table:
    """A table whose best run has rate 0.01 and size 5."""
    random = np.random.default_rng(0)
    made = [
        row(rate, size, kind, loss=abs(math.log10(rate) + 2) + abs(size - 5) / 5)
        for rate, size, kind in zip(
            (10 ** random.uniform(-4, 0, rows)).tolist(),
            random.integers(0, 11, rows).tolist(),
            random.choice(["a", "b"], rows).tolist(),
            strict=True,
        )
    ]
    return Table("bowl", SPACE, tuple(made))


def test_the_nearest_row_is_near_in_the_spaces_own_scales():
    rows = (row(1e-4, 5, "a"), row(1e-2, 5, "a"), row(0.9, 5, "a"), row(1e-3, 5, "b"))
    table = Table("t", SPACE, rows)
    asked = {"rate": 2e-3, "size": 5, "kind": "a"}
    assert table.nearest(asked, []) == 1  # in plain numbers row 0 would be nearer
    assert table.nearest(asked, [1]) == 0
    assert table.nearest({**asked, "kind": "b"}, []) == 3
    assert table.nearest(asked, [0, 1, 2, 3]) is None


def test_a_curve_is_measured_at_the_points_that_it_has():
    found = row_of_curve({}, [(0, 9.0), (1000, 3.0), (2000, 2.0), (2100, 1.5), (4500, 1.0)], 4500)
    assert found.points == (2, 4, 9)
    assert found.steps == (1000, 2000, 4500)
    assert found.losses == (3.0, 2.0, 1.0)
    assert found.best == 1.0


class Listed:
    """A search that suggests these sizes in turn, and stops those with a loss above 1.5 at once."""

    def __init__(self, sizes: list[int]) -> None:
        self.left = sizes
        self.heard: list[tuple[int, int]] = []
        self.rows: list[Row] = []

    def suggest(self):
        if not self.left:
            return None
        return {"rate": 0.01, "size": self.left.pop(0), "kind": "a"}

    def started(self, number: int, row: Row) -> None:
        assert number == len(self.rows)
        self.rows.append(row)

    def measured(self, number: int, point: int, loss: float) -> bool:
        self.heard.append((number, point))
        return loss <= 2.5

    def completed(self, number: int, point: int, loss: float) -> None:
        self.heard.append((number, point))


def _table(*ends: tuple[int, float]) -> Table:
    return Table("t", SPACE, tuple(row(0.01, n, "a", *end) for n, end in enumerate(ends)))


def test_workers_hand_in_each_evaluation_in_its_time():
    way = Listed([0, 1])
    Clock(_table((90, 1.0), (180, 1.0)), way, workers=2).replay([2.0])
    ends = [(10 * point, 0, point) for point in range(1, 10)]
    ends += [(20 * point, 1, point) for point in range(1, 10)]
    inside = sorted(ends, key=lambda end: (end[0], end[1] == 0))
    assert sorted(way.heard) == sorted((trial, point) for _, trial, point in inside)
    places = [way.heard.index(end) for end in ((0, 3), (1, 2), (0, 5), (0, 9), (1, 5))]
    assert places == sorted(places)


def test_a_budget_is_what_all_workers_train_together():
    table = _table(*[(90, 1.0)] * 8)
    alone, many = Listed(list(range(8))), Listed(list(range(8)))
    (first,) = Clock(table, alone, workers=1).replay([2.0])
    (second,) = Clock(table, many, workers=4).replay([2.0])
    assert [first.trials, second.trials] == [3, 4]  # the third has just begun
    assert len(alone.heard) == 18 and len(many.heard) == 16  # a fifth would be 20


def test_a_stopped_trial_frees_its_worker_and_never_wins():
    table = _table((90, 1.7), (90, 1.0), (90, 1.2))
    way = Listed([0, 1, 2])
    early, late = Clock(table, way, workers=1).replay([0.5, 1.2])
    assert way.heard[:2] == [(0, 1), (1, 1)]  # trial 0 is stopped at once
    assert early.loss == pytest.approx(1.0 + 1 - 3 / 9)  # none is complete: the best measured
    assert late.loss == 1.0


def test_a_whole_sweep_ends_once_its_trials_have():
    table = _table((90, 1.7), (90, 1.0), (90, 1.2), (90, 0.5))
    found = Clock(table, Listed([0, 1, 2, 3]), workers=2).whole(3)
    assert (found.trials, found.loss) == (3, 1.0)
    assert found.budget == pytest.approx(1 / 9 + 1 + 1)  # the first is stopped at once


def test_whole_sweeps_are_compared_way_by_way():
    first, second = lines(bowl(), 12, ["random+asha1", "random+asha1+recheck"], 4, range(3))
    assert first.startswith("| bowl | 12 | `random+asha1` |") and first.endswith("|  |")
    runs = [float(line.split("|")[4]) for line in (first, second)]
    assert runs[1] < runs[0], "the second stops more"


def test_everything_to_the_first_rung_spends_no_more_than_its_budget():
    table = _table(*[(90, float(n)) for n in range(30)])
    (found,) = one_rung(table, seed=0, budgets=[4.0])
    assert found.trials == 12  # 12 x 10 steps and 3 x 80 of 360
    order = np.random.default_rng(0).permutation(30)
    assert found.loss == min(order[:12])


@pytest.mark.parametrize(
    "way", ["measured+asha1", "ended+asha", "random+asha", "measured+sobol+asha1"]
)
def test_our_search_is_told_the_rows_own_parameters_and_all_that_happened(way):
    table = bowl()
    search = WAYS[way](table, 3)
    (outcome,) = Clock(table, search, workers=4).replay([6.0])
    told = search._book._study.get_trials(deepcopy=False)
    rows = {tuple(each.params.values()): each for each in table.rows}
    assert len(told) == outcome.trials > 8
    seen = [rows[tuple(trial.params[name] for name in SPACE)] for trial in told]
    assert len({id(each) for each in seen}) == len(seen)  # no row twice
    for trial, its in zip(told, seen, strict=True):
        values = dict(zip(its.points, its.losses, strict=True))
        assert trial.intermediate_values.items() <= values.items()
    states = {trial.state for trial in told}
    assert states == set(optuna.trial.TrialState) - {
        optuna.trial.TrialState.FAIL,
        optuna.trial.TrialState.WAITING,
    }
    complete = [trial.value for trial in told if trial.value and trial.state.name == "COMPLETE"]
    assert outcome.loss == min(complete)


def test_a_search_is_the_same_each_time_and_another_with_another_seed():
    table = bowl()

    def found(seed: int) -> object:
        return Clock(table, WAYS["measured+asha1"](table, seed), workers=4).replay([2.0, 6.0])

    assert found(1) == found(1) != found(2)


@pytest.mark.parametrize("way", ["optuna-hyperband", "optuna-median"])
def test_optunas_own_search_is_told_the_same(way):
    table = bowl()
    search = WAYS[way](table, 0)
    (outcome,) = Clock(table, search, workers=4).replay([16.0])
    told = search._study.get_trials()
    rates = {each.params["rate"] for each in table.rows}
    assert {trial.params["rate"] for trial in told} <= rates
    assert len({trial.params["rate"] for trial in told}) == outcome.trials
    assert {"COMPLETE", "PRUNED"} <= {trial.state.name for trial in told}


def test_a_sweep_of_ours_is_a_table_of_its_complete_trials(tmp_path):
    store = RecordStore(tmp_path)
    store.write_sweep(SweepRecord(name="s", state="complete", metric="f1", mode="max", created=1.0))
    for number, status in enumerate(["complete", "pruned", "complete"]):
        measured = [
            Measurement(
                point=point,
                step=point,
                tokens=100 * point,
                seconds=1.0,
                metrics={"f1": 0.1 * number + 0.01 * point},
            )
            for point in range(1, 10)
        ]
        store.write_trial(
            TrialRecord(sweep="s", number=number, status=status, measurements=tuple(measured))
        )
    table = of_sweep(tmp_path)
    assert [row.steps[-1] for row in table.rows] == [900, 900]
    assert table.best == pytest.approx(-0.29)
    way = WAYS["random+asha1"](table, 0)
    assert Clock(table, way, workers=1).replay([2.0])[0].trials == 2


def test_results_are_joined_by_seed(tmp_path):
    table = _table(*[(90, float(n)) for n in range(10)])
    case = Case("t", 1, "w")
    for seed in (0, 1):
        outcomes = one_rung(table, seed, [2.0, 4.0])
        write({case: {seed: outcomes}}, tmp_path / f"{seed}.json")
    joined = read([tmp_path / "0.json", tmp_path / "1.json"])
    assert joined == {case: {seed: one_rung(table, seed, [2.0, 4.0]) for seed in (0, 1)}}
    text = report(joined, {"t": dataclasses.replace(table, error=0.002)}, "w", [2.0, 4.0])
    assert "standard error of one evaluation 2.0" in text and "| `w` (2) |" in text


def test_the_statistics():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    middle = median_interval(dict(enumerate([1.0, 2.0, 3.0, 4.0, 100.0])))
    assert middle.median == 3.0 and 1.0 <= middle.low < 3.0 < middle.high <= 100.0


def test_ways_are_compared_on_the_seeds_that_they_share():
    base = {seed: 10.0 + seed for seed in range(10)}
    regrets = {
        "base": base,
        "better": {seed: 9.5 + seed for seed in range(1, 10)},
        "same": base,
        "elsewhere": {20: 0.0},
    }
    pairs = against("base", regrets)
    assert pairs.keys() == {"better", "same"}
    assert pairs["better"].won == 1.0
    assert pairs["better"].p == 2 * 2**-9 * 2  # all nine signs agree, twice for Holm
    assert pairs["same"].won == 0.5 and pairs["same"].p == 1.0
    tables = {
        "one": {"a": {0: 1.0, 1: 1.0, 2: 9.0}, "b": {0: 2.0, 1: 2.0}},
        "two": {"a": {0: 3.0}, "b": {0: 3.0}},
    }
    assert mean_ranks(tables) == {"a": 1.25, "b": 1.75}


@pytest.mark.usefixtures("data")
def test_the_tables_hold_the_runs_that_were_published():
    tables = [table for name in TABLES for table in TABLES[name]()]
    for table in tables:
        assert not [row for row in table.rows if table.space.explain(row.params)], table.name
    sizes = {table.name: len(table.rows) for table in tables}
    assert sizes["taskset"] == 1000 and sizes["peft"] == 63
    assert sizes["deberta-dev"] + sizes["deberta-judge"] == 1024
    assert sum(size for name, size in sizes.items() if name.startswith("steplaw")) == 1911
    table = deberta()
    first = table.rows[0]
    assert first.params["batch_size"] == 56 and first.steps == (*range(1000, 7000, 1000), 7012)
    assert 1 - first.losses[-1] == pytest.approx(0.8741721854304636)
    assert all(table.nearest(each.params, []) == n for n, each in enumerate(table.rows[:50]))
