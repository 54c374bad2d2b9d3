"""Free disk space against the checkpoints and weights that a sweep keeps at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.filesize import decimal

from sweeps.preflight.finding import Finding, note, ok, wrong
from sweeps.search.lanes import most_lanes
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.planning.disk import DiskNeed

_MOST = 12
"""Bytes of a checkpoint for each byte of a model's file, at most: weights and two moments in fp32,
where the file has bytes. Quantised files are rare, and rather smaller."""


@dataclass(frozen=True)
class Copies:
    """Numbers of trials: `at_once` in training, each with its checkpoints and the one being
    written; `kept` with their weights alone; and `forks`, each a checkpoint and weights."""

    at_once: int
    kept: int
    forks: int = 0

    def of(self, need: DiskNeed) -> int:
        """The bytes of all of them."""
        training = _checkpoints() * need.checkpoint + 2 * need.weights
        forks = self.forks * (need.checkpoint + need.weights)
        return self.at_once * training + self.kept * need.weights + forks


def copies(slots: int, spec: SweepSpec, repeats: int) -> Copies:
    """At most those of a sweep with so many slots, and `repeats` with fresh seeds."""
    at_once = min(slots * most_lanes(spec), max(spec.trials, repeats))
    # A new trunk begins only if each unfinished one has a branch in training.
    forks = min(at_once * (spec.search.forks - 1), spec.trials)
    return Copies(at_once, spec.slots.keep_best + repeats, forks)


def check_disk_for(
    found: Copies,
    free: int,
    folder: Path,
    model: ModelSource,
    planned: Callable[[], DiskNeed | None],
) -> Iterator[Finding]:
    """Whether all copies fit the free bytes of the disk of `folder`. The closed form, which takes
    a second for each kind of trial, is only `planned` where the model's file leaves a doubt; None
    if there is none."""
    size = _file_size(model)
    if size and (bound := found.of(DiskNeed(_MOST * size, size * 4))) < free:
        yield ok("checkpoints", f"they take less than {decimal(bound)} of {decimal(free)} free")
        return
    need = planned()
    if need is None:
        return
    if (most := found.of(need)) <= free:
        yield ok("checkpoints", f"they take at most {decimal(most)} of {decimal(free)} free")
        return
    forks = f" and for {found.forks} forks" if found.forks else ""
    weighed = found.kept + found.at_once + found.forks
    message = (
        f"{decimal(free)} are free for {folder}, and the sweep may need {decimal(most)}: a "
        f"checkpoint takes {decimal(need.checkpoint)}, up to {_checkpoints()} for each of "
        f"{found.at_once} trials at once{forks}, and the weights of {weighed} trials "
        f"{decimal(need.weights)} each"
    )
    remedy = "set SWEEP_HOME or --home to a larger disk, or run `sweep clean` on ended sweeps"
    # One trial alone must fit; the others rarely write at the same time.
    alone = Copies(1, 0).of(need) > free
    yield (wrong if alone else note)("disk", message, remedy)


def _checkpoints() -> int:
    """Those of a trial in training: what it keeps, and the one being written."""
    from trainables.training.checkpoints import KEPT  # loads torch

    return KEPT + 1


def _file_size(model: ModelSource) -> int:
    """Bytes of a local model's weights; 0 if unknown."""
    if model.folder is None:
        return 0
    return sum(file.stat().st_size for file in model.folder.glob("*.safetensors"))
