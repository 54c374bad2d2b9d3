"""How early a sweep's trials are in their final order, how they spread, and what matters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from benchmarks.rungs.measured import Floats, around, complete, ranked, values
from results.records.record import TrialRecord
from sweeps.advice.importance import importance
from sweeps.home.home import SweepFolder
from sweeps.verdict.results import Results

COLUMNS = (
    "trials",
    "steps",
    "best loss",
    "spread",
    "error of a seed",
    *(f"order at point {point}" for point in (1, 2, 3)),
    "of the better half",
    "of equal schedules",
)

ALONE = ("change", "from, to", "worse by")

SHARES = ("name", "trials", "fANOVA", "PED-ANOVA", "fANOVA, better half")


def figures(folder: SweepFolder) -> tuple[str, ...]:
    """A row of figures on a sweep's curves."""
    trials = complete(folder.store)
    curves = np.array([values(trial) for trial in trials])
    steps = [trial.measurements[-1].step for trial in trials]
    best = curves.min(axis=1)
    half = curves[np.argsort(best)[: len(best) // 2]]
    orders = (_order(curves, point) for point in (1, 2, 3))
    return (
        f"{len(trials)} of {len(folder.store.trials())}",
        f"{min(steps)} to {max(steps)}",
        f"{best.min():.3f}",
        f"{spread(curves):.3f}",
        f"{_of_a_seed(folder):.3f}",
        *(f"{each:.2f}" for each in orders),
        " ".join(f"{_order(half, point):.2f}" for point in (1, 2, 3)),
        " ".join(f"{_within(trials, point):.2f}" for point in (1, 2, 3)),
    )


def spread(curves: Floats) -> float:
    """The standard deviation of the trials before their ends; `curves` are [trials, points]."""
    return float(curves[:, :-1].std(axis=0, ddof=1).mean())


def _order(curves: Floats, point: int) -> float:
    """Kendall's tau between a point and the best evaluation: 1 - 2 x the share of pairs that are
    in the wrong order."""
    return float(stats.kendalltau(curves[:, point - 1], curves.min(axis=1)).statistic)


def _within(trials: Sequence[TrialRecord], point: int) -> float:
    """The same over the pairs of trials that have one schedule."""
    signs = []
    for one, other in combinations(trials, 2):
        if one.params["schedule"] == other.params["schedule"]:
            mine, theirs = values(one), values(other)
            early, late = mine[point - 1] - theirs[point - 1], min(mine) - min(theirs)
            signs.append(np.sign(early * late))
    return float(np.mean(signs))


def _of_a_seed(folder: SweepFolder) -> float:
    """The standard deviation of a training's best evaluation between seeds, of the best trials.

    Only of their repeats: the first trainings were chosen for their values.
    """
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for trial in complete(folder.confirmations):
        groups[trial.trial].append(min(values(trial)))
    variances = [np.var(each, ddof=1) for each in groups.values() if len(each) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else float("nan")


def shares(folder: SweepFolder) -> Iterator[tuple[str, ...]]:
    """The importance of each parameter by the product's evaluators; the decay's over the trials
    whose schedule is wsd."""
    results = Results.read(folder)
    trials = ranked(folder)
    wsd = [trial for trial in trials if trial.params["schedule"] == "wsd"]
    for label, group in (("all", trials), ("wsd", wsd)):
        found = importance(results, group)
        better = importance(results, group[: len(group) // 2])
        for name in found.ordered([*found.fanova]):
            each = (found.fanova, found.ped_anova, better.fanova)
            cells = (f"{share[name]:.0%}" if name in share else "" for share in each)
            yield (name, f"{label}, {len(group)}", *cells)


def alone(folder: SweepFolder) -> Iterator[tuple[str, ...]]:
    """How much worse a trial gets by one change: its loss beyond that of the unchanged one."""
    middle, *others = complete(around(folder))
    unchanged = min(values(middle))
    for trial in others:
        (name,) = (key for key, value in trial.params.items() if middle.params.get(key) != value)
        yield (
            name,
            f"{middle.params.get(name)} -> {trial.params[name]}",
            f"{min(values(trial)) - unchanged:+.3f}",
        )
