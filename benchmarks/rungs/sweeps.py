"""Sweeps of random settings trained to the end, with each example's loss at each point.

Each is a sweep's folder as the product has it, so that its own code reads the records.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import yaml

from benchmarks.rungs.kinds import changes_of, trees
from benchmarks.rungs.measured import BEST, LOSS, around, losses_at, ranked
from results.records.record import (
    Measurement,
    SweepRecord,
    SweepState,
    TrialRecord,
    TrialStatus,
)
from results.records.store import RecordStore
from search_spaces import bridge
from search_spaces.values import Value
from sweeps.home.home import SweepFolder
from sweeps.inputs.prepare import inputs_of
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Evaluation, Monitor, Outcome, Verdict
from trainables.lanes.kind import why_alone
from trainables.lanes.lane import Entry
from trainables.lanes.loop import Lanes
from trainables.training.checkpoints import NO_CHECKPOINTS
from trainables.training.workshop import Workshop

_SEEDS = 2
"""Fresh seeds of each trial that is repeated."""


class _Kept(Monitor):
    """Keeps each evaluation, and has its losses written to a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seen: list[Measurement] = []

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep it."""
        cost, metrics = evaluation.cost, dict(evaluation.metrics)
        new = Measurement(
            point=evaluation.point,
            step=evaluation.step,
            tokens=cost.tokens,
            seconds=cost.seconds,
            metrics=metrics,
        )
        self.seen.append(new)
        return Verdict(losses=losses_at(self._folder, evaluation.point))


class Sweep:
    """A sweep of the benchmark, below `cache`; what is there is not trained again."""

    def __init__(self, name: str, data: Path, cache: Path) -> None:
        tree = trees(data)[name]
        self.spec = SweepSpec.parse(tree)
        self.folder = SweepFolder(cache / name)
        self._begin(tree)
        inputs = inputs_of(self.spec.trial, cache / "cache").inputs
        self._workshop = Workshop(inputs)

    def _begin(self, tree: Mapping[str, Any]) -> None:
        search = self.spec.search
        self.folder.path.mkdir(parents=True, exist_ok=True)
        self.folder.spec.write_text(yaml.safe_dump(dict(tree), sort_keys=False))
        self.folder.store.write_sweep(
            SweepRecord(
                name=self.spec.name,
                state=SweepState.COMPLETE,
                metric=search.metric,
                mode=search.direction,
                created=0.0,
            )
        )

    def drawn(self, trials: int) -> Iterator[Mapping[str, Value]]:
        """The settings of each trial: random, every second one with the schedule wsd."""
        space = self.spec.space
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for number in range(trials):
            if number % 2:
                study.enqueue_trial(dict(bridge.encode({"schedule": "wsd"}, space)))
            yield bridge.suggest(study.ask(), space)

    def train(self, number: int, params: Mapping[str, Value]) -> None:
        """Train a trial to its end, unless it was."""
        record = TrialRecord(
            sweep=self.spec.name, number=number, status=TrialStatus.RUNNING, params=dict(params)
        )
        self._train(self.folder.store, record, {"seed": 1000 + number})

    def repeat(self) -> None:
        """Train the best trials again with fresh seeds."""
        for trial in ranked(self.folder)[:BEST]:
            for repeat in range(1, _SEEDS + 1):
                number = trial.number * _SEEDS + repeat
                record = trial.with_changes(
                    number=number, confirms=trial.number, repeat=repeat, measurements=()
                )
                # Without dropout a full fine-tune has no other chance than its data's order.
                seeds = {"seed": 2000 + number, "data.order_seed": 2000 + number}
                self._train(self.folder.confirmations, record, seeds)

    def around(self) -> None:
        """Train the best trial with wsd, and with one change at a time."""
        best = ranked(self.folder)[0].params
        for number, params in enumerate(changes_of(best)):
            record = TrialRecord(
                sweep=self.spec.name, number=number, status=TrialStatus.RUNNING, params=params
            )
            self._train(around(self.folder), record, {"seed": 3000})

    def _train(self, store: RecordStore, record: TrialRecord, seeds: Mapping[str, int]) -> None:
        folder = store.trial_folder(record.number)
        if (folder / "record.json").exists():
            return
        config = self.spec.trial.with_params({**record.params, **seeds})
        kept, began = _Kept(folder), time.process_time()
        outcome = _trained(self._workshop, config, kept)
        seconds = time.process_time() - began
        ended = record.with_changes(
            status=TrialStatus(outcome.ending),
            measurements=tuple(kept.seen),
            seconds=seconds,
            tokens=outcome.cost.tokens,
        )
        store.write_trial(ended)
        last = kept.seen[-1].metrics[LOSS] if kept.seen else math.nan
        print(
            f"{self.spec.name}, {record.called}: {ended.status}, {last:.3f}, {seconds:.1f} s",
            flush=True,
        )


def train(names: Iterable[str], data: Path, cache: Path, trials: int) -> None:
    """Train all sweeps in turns, so that they are equally large at any time."""
    sweeps = [Sweep(name, data, cache) for name in names]
    for number, settings in enumerate(zip(*(each.drawn(trials) for each in sweeps), strict=True)):
        for sweep, params in zip(sweeps, settings, strict=True):
            sweep.train(number, params)
    for sweep in sweeps:
        sweep.repeat()
        sweep.around()


def _trained(workshop: Workshop, config: TrialConfig, monitor: Monitor) -> Outcome:
    """In a lane if it can, which takes less time."""
    if why_alone(config):
        return workshop.train(config, monitor)
    ended: list[Outcome] = []
    entry = Entry(config, monitor, NO_CHECKPOINTS, ended.append, _raise, _raise)
    Lanes(workshop, 1).run(entry, lambda: None)
    return ended[0]


def _raise(error: Exception | str | None) -> None:
    raise error if isinstance(error, Exception) else RuntimeError(error or "out of memory")
