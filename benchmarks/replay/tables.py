"""The tables, read from the folder in SWEEP_TEST_DATA; docs/benchmarks.md says what they are."""

from __future__ import annotations

import csv
import json
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from benchmarks.replay.table import POINTS, Row, Table, row_of_curve
from search_spaces.space import Space

_MNLI_MATCHED = 9815
"""Examples of MultiNLI's matched validation set, from which a DeBERTa run's accuracy comes."""


def folder() -> Path:
    """The folder of the tables; SystemExit without SWEEP_TEST_DATA."""
    home = os.environ.get("SWEEP_TEST_DATA")
    if not home:
        raise SystemExit("SWEEP_TEST_DATA is not set; set it to the folder that holds hpo/")
    return Path(home) / "hpo"


@cache
def deberta() -> Table:
    """DeBERTa-base on MultiNLI: 1,024 fine-tunes drawn at random, measured every 1,000 steps."""
    space = Space.parse(
        {
            "learning_rate": {"log_uniform": [1e-6, 1e-3]},
            "batch_size": {"int": [16, 64]},
            "epochs": {"int": [1, 4]},
            "warmup": {"uniform": [0.0, 0.6]},
            "dropout": {"uniform": [0.0, 0.3]},
        }
    )
    path = folder() / "opda_deberta-base_tuning.results.jsonl"
    rows = tuple(_deberta_row(json.loads(line)) for line in path.read_text().splitlines())
    error = math.sqrt(0.11 * 0.89 / _MNLI_MATCHED)
    return Table("deberta", space, rows, error)


def _deberta_row(run: Mapping[str, float]) -> Row:
    steps, epochs = int(run["total_model_steps"]), int(run["num_train_epochs"])
    params = {
        "learning_rate": run["learning_rate"],
        "batch_size": int(run["train_batch_size"]),
        "epochs": epochs,
        "warmup": run["warmup_steps"] / (steps / epochs),
        "dropout": run["cls_drop_out"],
    }
    curve = [(int(step), 1 - right) for step, right in run["learning_curves"]["matched"]]
    return row_of_curve(params, curve, steps)


@cache
def taskset() -> Table:
    """TaskSet: a GRU classifier of IMDB, 1,000 settings of Adam8p, 51 measurements each."""
    name = "taskset_FixedTextRNNClassification_imdb_patch32_GRU64_avg_bs128.json"
    space = Space.parse(
        {
            "learning_rate": {"log_uniform": [1e-8, 10]},
            "one_minus_beta1": {"log_uniform": [1e-4, 1]},
            "one_minus_beta2": {"log_uniform": [1e-6, 1]},
            "epsilon": {"log_uniform": [1e-10, 1e3]},
            "l1": {"log_uniform": [1e-8, 10]},
            "l2": {"log_uniform": [1e-8, 10]},
            "linear_decay": {"log_uniform": [1e-7, 1e-4]},
            "exponential_decay": {"log_uniform": [1e-6, 1e-3]},
        }
    )
    runs = json.loads((folder() / name).read_text())
    return Table("taskset", space, tuple(map(_taskset_row, runs)))


def _taskset_row(run: Mapping[str, Mapping[str, float]]) -> Row:
    params = dict(run["hp"])
    for beta in ("beta1", "beta2"):
        params[f"one_minus_{beta}"] = 1 - params.pop(beta)
    curve = [(200 * place, loss) for place, loss in enumerate(run["valid"]["loss"])]
    return row_of_curve(params, curve, curve[-1][0])


@cache
def steplaw() -> tuple[Table, ...]:
    """Step law: pretraining from scratch, a grid of learning rate and batch size for each of 17
    pairs of model and data size; final losses only."""
    groups: defaultdict[tuple[int, int], list[Mapping[str, str]]] = defaultdict(list)
    with (folder() / "steplaw_dense_lr_bs_loss.csv").open() as file:
        for run in csv.DictReader(file):
            groups[int(run["N"]), int(run["D"])].append(run)
    return tuple(
        Table(f"steplaw-{n / 1e6:.0f}M-{d / 1e9:.0f}B", _grid(runs), tuple(_ends(runs)))
        for (n, d), runs in sorted(groups.items())
    )


def _grid(runs: list[Mapping[str, str]]) -> Space:
    rates, sizes = ([float(run[key]) for run in runs] for key in ("lr", "bs"))
    return Space.parse(
        {
            "learning_rate": {"log_uniform": [min(rates), max(rates)]},
            "batch_size": {"log_uniform": [min(sizes), max(sizes)]},
        }
    )


def _ends(runs: list[Mapping[str, str]]) -> Iterator[Row]:
    for run in runs:
        params = {"learning_rate": float(run["lr"]), "batch_size": float(run["bs"])}
        yield Row(params, (POINTS,), (1,), (float(run["smooth loss"]),))


@cache
def peft() -> Table:
    """PEFT's comparison of methods: 63 runs of Llama-3.2-3B on MetaMathQA; the loss is the share of
    wrong answers of the validation set. A sanity check: few runs, no two methods alike."""
    runs: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
    with (folder() / "peft_metamathqa_curves.csv").open() as file:
        for line in csv.DictReader(file):
            runs[line["run"]].append(line)
    methods = sorted({lines[0]["peft_type"] for lines in runs.values()})
    space = Space.parse(
        {
            "method": {"choice": methods},
            "learning_rate": {"log_uniform": [1e-6, 1.0]},
            "parameters": {"log_uniform": [1e3, 1e10]},
        }
    )
    return Table("peft", space, tuple(_peft_row(lines) for lines in runs.values()))


def _peft_row(lines: list[Mapping[str, str]]) -> Row:
    first = lines[0]
    params = {
        "method": first["peft_type"],
        "learning_rate": float(first["lr"] or 1e-4),
        "parameters": max(1e3, float(first["num_trainable_params"] or 1e3)),
    }
    curve = [(int(line["step"]), 1 - float(line["valid_accuracy"])) for line in lines]
    return row_of_curve(params, curve, curve[-1][0])


TABLES: Mapping[str, Callable[[], tuple[Table, ...]]] = {
    "taskset": lambda: (taskset(),),
    "deberta-dev": lambda: (deberta().half(judges=False),),
    "deberta-judge": lambda: (deberta().half(judges=True),),
    "steplaw": steplaw,
    "peft": lambda: (peft(),),
}
"""By name on the command line; `steplaw` is 17 tables."""
