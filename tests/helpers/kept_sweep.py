"""A sweep on disk whose trials were really trained, in this process: records, losses, weights.

What a launch leaves, without the half minute that Ray takes.
"""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import tiny_training as tiny
import yaml

from results.records.record import Measurement, SweepState, TrialRecord, TrialStatus
from sweeps.base.quiet import quiet
from sweeps.books.books import new_record
from sweeps.home.home import SweepHome
from sweeps.inputs.prepare import inputs_of
from sweeps.spec.spec import SweepSpec
from trainables.board.job import LOSSES, WEIGHTS
from trainables.core.evaluation import Monitor, Verdict


def answers(count: int) -> list[dict[str, str]]:
    """Questions and answers of which each word decides the next."""
    rows = []
    for first in range(2, 2 + count):
        words = [f"w{(first * 5**place + 3 * place) % tiny.VOCABULARY}" for place in range(8)]
        rows.append({"instruction": " ".join(words[:3]), "output": " ".join(words[3:])})
    return rows


def tree_of(folder: Path, rows: list[dict], **changes) -> dict:
    """A sweep file over data and a tiny Llama in `folder`, both named relative to it."""
    if not (folder / "model").exists():
        tiny.make_model(folder / "model")
    lines = [json.dumps(row) + "\n" for row in rows]
    (folder / "data.jsonl").write_text("".join(lines))
    return {
        "name": "kept",
        "model": "model",
        "data": {"train": "data.jsonl", "validation": 0.25, "max_length": 64},
        "precision": "fp32",
        "budget": {"trials": 2, "steps": 4, "evaluations": 2},
        "batch_size": 8,
        "micro_batch_size": 4,
        "lora": {"rank": 4},
        "search": {"seed": 1, "early_stopping": "none"},
        "space": {"learning_rate": {"choice": [1e-2, 3e-3]}},
        **changes,
    }


class _Keeping(Monitor):
    """Keeps all evaluations, and the weights of the best one, as the board does."""

    def __init__(self, folder: Path) -> None:
        self.seen = []
        self._folder = folder

    def evaluated(self, evaluation):
        losses = [each.metrics["eval_loss"] for each in self.seen]
        self.seen.append(evaluation)
        if evaluation.metrics["eval_loss"] >= min(losses, default=float("inf")):
            return Verdict()
        return Verdict(weights=self._folder / WEIGHTS, losses=self._folder / LOSSES)


def kept_sweep(folder: Path, tree: dict, params: list[dict]) -> SweepHome:
    """The home in `folder` with the sweep of `tree`: one complete trial for each of `params`."""
    from trainables.training.workshop import Workshop

    home = SweepHome(folder / "home")
    with chdir(folder), quiet():  # of slots, warnings are in Ray's logs
        spec = SweepSpec.parse(tree)
        prepared = inputs_of(spec.trial, home.cache)
        place = home.sweep(spec.name)
        place.path.mkdir(parents=True)
        place.write_spec(yaml.safe_dump(tree))
        sweep = new_record(spec, prepared).with_changes(pid=None)
        workshop = Workshop(prepared.inputs)
        base = dict(workshop.measure_base(spec.trial).metrics)
        place.store.write_sweep(sweep.with_changes(state=SweepState.COMPLETE, base=base))
        for number, values in enumerate(params):
            config = spec.trial.with_params({**values, "seed": 100 + number})
            keeping = _Keeping(place.store.trial_folder(number))
            outcome = workshop.train(config, keeping)
            place.store.write_trial(_record(sweep, number, values, config, keeping.seen, outcome))
    return home


def _record(sweep, number, values, config, seen, outcome) -> TrialRecord:
    measurements = tuple(
        Measurement(
            point=each.point,
            step=each.step,
            tokens=each.cost.tokens,
            seconds=each.cost.seconds,
            metrics=dict(each.metrics),
        )
        for each in seen
    )
    return TrialRecord(
        sweep=sweep.name,
        number=number,
        status=TrialStatus.COMPLETE,
        params=values,
        config=config.flat(),
        measurements=measurements,
        total_parameters=outcome.cost.total_parameters,
        trainable_parameters=outcome.cost.trainable_parameters,
        attempts=1,
        provenance=sweep.provenance.with_changes(seed=config.seed),
    )


def tracked(home: SweepHome) -> SweepHome:
    """The sweep with a run in MLflow for each of its trials."""
    from mlflow import MlflowClient

    client = MlflowClient(home.tracking_uri)
    experiment = client.create_experiment("winnow", home.artifacts.as_uri())
    store = home.sweep("kept").store
    for record in store.trials():
        run = client.create_run(experiment)
        store.write_trial(record.with_changes(run_id=run.info.run_id))
    return home
