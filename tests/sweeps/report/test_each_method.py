from __future__ import annotations

import io

from finished_sweeps import ended_trial
from live_samples import trial
from rich.console import Console

from results.ranking.winners import rank
from sweeps.report.each_method import best_of_each, each_method


def of(number: int, method: str, loss: float, status: str = "complete"):
    record = trial(number, status, loss)
    params = {"method": method, "learning_rate": 0.001}
    return record.with_changes(params=params, trainable_parameters=1000 * number)


RECORDS = [
    of(1, "lora", 2.0),
    of(2, "full", 2.5),
    of(3, "lora", 1.9),
    of(4, "prefix", 3.0),
    of(5, "full", 1.0, "pruned"),
]


def test_each_method_has_its_best_complete_trial_and_the_best_method_comes_first():
    best = best_of_each(rank(RECORDS, "eval_loss", "min"))
    assert [winner.record.number for winner in best] == [3, 2, 4]


def test_the_table_fits_100_columns_and_says_how_much_was_trained():
    console = Console(file=io.StringIO(), width=100)
    console.print(each_method(rank(RECORDS, "eval_loss", "min")))
    lines = console.file.getvalue().splitlines()
    assert [line.split()[:4] for line in lines[3:]] == [
        ["lora", "3", "1.9000", "3,000"],
        ["full", "2", "2.5000", "2,000"],
        ["prefix", "4", "3.0000", "4,000"],
    ]


def test_with_one_method_there_is_nothing_to_compare():
    assert each_method(rank(RECORDS[:1], "eval_loss", "min")) is None
    assert each_method(rank([trial(0, "complete", 2.0)], "eval_loss", "min")) is None


def costing(number: int, method: str, value: float, read: float | None):
    params = {"method": method}
    costs = {"eval_answer_tokens": 7.5, "eval_answer_seconds": 0.0123, "eval_looked_up": 2.0}
    metrics = {"eval_token_f1": value, **costs}
    if read is not None:
        metrics["eval_prompt_tokens"] = read
    return ended_trial(number, "complete", params, metrics)


def lines_of(*records):
    console = Console(file=io.StringIO(), width=100)
    console.print(each_method(rank(records, "eval_token_f1", "max")))
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_what_an_answer_costs_is_shown_for_each_method():
    lines = lines_of(costing(0, "rag", 0.9, 1234.4), costing(1, "none", 0.1, 12.25))
    assert lines[2][4:8] == ["tokens", "read", "written", "s/answer"]
    assert lines[3][:7] == ["rag", "0", "0.9000", "0", "1,234", "7.5", "0.0123"]
    assert lines[4][:7] == ["none", "1", "0.1000", "0", "12.2", "7.5", "0.0123"]


def test_a_cost_that_not_all_methods_measured_has_no_column():
    lines = lines_of(costing(0, "rag", 0.9, 50.0), costing(1, "none", 0.1, None))
    assert lines[2][4:6] == ["written", "s/answer"]
