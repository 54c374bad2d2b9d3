"""What is measured beside the trials, and what is said of the base before the first of them."""

from __future__ import annotations

import math

from finished_sweeps import ended_trial, write_ended
from spec_samples import sft_tree

from sweeps.base.view import View
from sweeps.books.books import Books
from sweeps.home.home import SweepHome
from sweeps.run.driver.measurements import Measurements, without_value
from sweeps.spec.spec import SweepSpec
from trainables.board.job import JobKind
from trainables.core.evaluation import Evaluation


def test_a_metric_that_is_no_number_for_the_base_is_said_at_once():
    base = {"eval_mine": math.nan, "eval_perplexity": math.inf, "eval_loss": 1.0}
    assert not [*without_value(base, ["eval_loss", "eval_general_loss"])]
    first, second = without_value(base, ["eval_mine", "eval_loss", "eval_perplexity"])
    assert first.startswith("eval_mine of the untouched base model is NaN. A trial whose value")
    assert second.startswith("eval_perplexity of the untouched base model is inf.")


class Board:
    """One whose slot measures at once."""

    def __init__(self):
        self.jobs = []

    def submit(self, job):
        self.jobs.append(job)

    def event(self, name, heard):
        return Evaluation(0, 0, {"test_loss": 1.5})


class Recorded(dict):
    """Keeps what a trial has on the test set."""

    def tested(self, number, metrics):
        self[number] = metrics


def on_the_test_set(tmp_path, records, **sweep):
    """The jobs of a measurement on the test set, and the books."""
    tree = sft_tree(tmp_path, name="ended", batch_size=16)
    folder = write_ended(tmp_path, records, tree, **sweep)
    books = Books(SweepSpec.parse(tree), SweepHome(tmp_path), folder, folder.store.sweep())
    board, recorded = Board(), Recorded()
    found = Measurements(SweepSpec.parse(tree), folder, books, View(), board)
    found.test(folder.store.trials(), recorded)
    return board.jobs, books, recorded


def test_a_winner_is_tested_with_the_micro_batch_that_fitted_and_its_own_seed(tmp_path):
    repaired = ended_trial(
        3, "complete", {"learning_rate": 5e-4}, 2.0,
        config={"seed": 77}, repairs={"micro_batch_size": 2, "gradient_checkpointing": 1},
    )  # fmt: skip
    jobs, books, recorded = on_the_test_set(tmp_path, [repaired])
    assert [job.kind for job in jobs] == [JobKind.TEST_BASE, JobKind.TEST]
    tested = jobs[1].config
    assert (tested.seed, tested.learning_rate, tested.micro_batch_size) == (77, 5e-4, 2)
    assert tested.gradient_checkpointing
    assert recorded == {3: {"test_loss": 1.5}}
    assert books.sweep.base == {"eval_loss": 4.0, "test_loss": 1.5}


def test_a_base_that_was_tested_before_the_resume_keeps_its_values(tmp_path):
    winner = ended_trial(0, "complete", {"learning_rate": 5e-4}, 2.0)
    base = {"eval_loss": 4.0, "test_loss": 3.0}
    jobs, books, _ = on_the_test_set(tmp_path, [winner], base=base)
    assert [job.kind for job in jobs] == [JobKind.TEST]
    assert books.sweep.base == base
