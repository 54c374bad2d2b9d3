"""Time of a suggestion, of a report and of an end after many trials, without Ray.

    python -m benchmarks.many_trials.study [--trials 100,1000,10000]

Fills a study on disk with made-up trials, a third of them complete and the others pruned, and times
the study's own operations on further ones: with TPE as it is, which sees at most a thousand trials,
and with `unfinished: false`, which sees all. Processor time; prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from results.records.record import Measurement, TrialRecord, TrialStatus
from search_spaces import bridge
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SweepSpec

SPACES: Mapping[str, Mapping[str, object]] = {
    "continuous": {"log_uniform": [1e-5, 1e-2]},
    "finite": {"quantized": [1e-5, 1e-2, 1e-6]},
}
"""The learning rate's domain; the others are choices."""

_FURTHER = 9


def _spec(domain: Mapping[str, object], unfinished: bool) -> SweepSpec:
    return SweepSpec.parse(
        {
            "name": "many",
            "model": "toy",
            "objective": "toy",
            "budget": {"trials": 20_000, "evaluations": 9},
            "search": {"sampler_options": {"unfinished": unfinished}},
            "space": {
                "learning_rate": domain,
                "lora.rank": {"choice": [4, 8, 16, 32, 64]},
                "schedule": {"choice": ["cosine", "wsd"]},
            },
        }
    )


def _fill(study: optuna.Study, spec: SweepSpec, trials: int) -> None:
    random = np.random.default_rng(0)
    draws = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(trials):
        trial = draws.ask()
        bridge.suggest(trial, spec.space)
        complete = number % 3 == 0
        losses = random.random(9 if complete else 3).tolist()
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.COMPLETE if complete else TrialState.PRUNED,
                params=trial.params,
                distributions=trial.distributions,
                value=losses[-1] if complete else None,
                intermediate_values=dict(enumerate(losses, 1)),
            )
        )


def timed(domain: Mapping[str, object], unfinished: bool, trials: int) -> dict[str, float]:
    """Median milliseconds of each operation after so many trials."""
    spec = _spec(domain, unfinished)
    with tempfile.TemporaryDirectory() as folder:
        study = open_study(spec, Path(folder) / "journal")
        _fill(study, spec, trials)
        book = StudyBook(study, spec.search)
        book.draw(spec.space)  # reads each known point once
        times = [_further(book, spec) for _ in range(_FURTHER)]
    return {
        name: round(1000 * statistics.median(each[name] for each in times), 1) for name in times[0]
    }


def _further(book: StudyBook, spec: SweepSpec) -> dict[str, float]:
    began = time.process_time()
    number, _ = book.draw(spec.space)
    drawn = time.process_time() - began
    measured = Measurement(
        point=1, step=1, tokens=1, seconds=1.0, metrics={spec.search.metric: 0.5}
    )
    record = TrialRecord(
        sweep="many", number=number, status=TrialStatus.RUNNING, measurements=(measured,)
    )
    ended = record.with_changes(status=TrialStatus.COMPLETE)
    return {
        "suggestion": drawn,
        "report": _took(lambda: book.measured(record)),
        "end": _took(lambda: book.ended(ended)),
    }


def _took(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def compare(counts: list[int]) -> dict[str, Any]:
    """By space, by what TPE sees, by number of trials."""
    return {
        name: {
            seen: {count: timed(domain, unfinished, count) for count in counts}
            for seen, unfinished in (("a thousand", True), ("all", False))
        }
        for name, domain in SPACES.items()
    }


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", default="100,1000,10000")
    print(json.dumps(compare([int(n) for n in parser.parse_args().trials.split(",")]), indent=1))
