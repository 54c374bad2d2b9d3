from __future__ import annotations

import io

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
