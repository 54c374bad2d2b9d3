"""The states at which trials part, on disk: their common steps are trained once.

A fork is a folder that is whole or absent, named by its step and by what happened until then. It
has a checkpoint as trials write them, the evaluations made so far, and the files of the best one.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from trainables.core import ranks
from trainables.core.atomic import publish
from trainables.core.evaluation import Cost, Evaluation
from trainables.storage.sealed import MANIFEST
from trainables.training.checkpoints import PREFIX, Checkpoint, Checkpoints, manifest_of, whole
from trainables.training.forks.tape import Tape

_EVALUATIONS = "evaluations.json"

_FILES = "files"
"""The files of a trial's best evaluation so far, in a fork."""


@dataclass(frozen=True)
class Forks:
    """The forks of the trials of one trunk, in `folder`; `layout` is that of their checkpoints.

    `files` are the names of a trial's files that belong to its best evaluation.
    """

    folder: Path
    layout: str
    files: Collection[str]

    def put(
        self,
        tape: Tape,
        checkpoint: Checkpoint,
        fill: Callable[[Path], None],
        evaluations: Iterable[Evaluation],
        trial: Path,
    ) -> None:
        """Keep the state of a trial whose files are in `trial`, with its `evaluations` so far. All
        ranks call it."""
        place = fork_folder(self.folder, checkpoint.step, tape.until(checkpoint.step))
        with _drafted(place) as draft:
            if draft is not None:
                Checkpoints(draft, float("inf"), self.layout).write(checkpoint, fill)
            if draft is not None and ranks.rank() == 0:
                text = json.dumps([_plain(each) for each in evaluations])
                (draft / _EVALUATIONS).write_text(text, encoding="utf-8")
                self._copy_files(trial, draft / _FILES)

    def take(self, tape: Tape, checkpoints: Path, trial: Path) -> tuple[Evaluation, ...] | None:
        """Give a new trial the latest fork on its way: a checkpoint in its folder `checkpoints`,
        and files in `trial`. Returns the evaluations until there; None without a whole fork. For
        rank 0 alone."""
        for fork, step in self._on_the_way(tape):
            made = fork / f"{PREFIX}{step}"
            known, evaluations = whole(made, self.layout), _read(fork / _EVALUATIONS)
            if known is not None and evaluations is not None:
                self._copy_files(fork / _FILES, trial)
                _take_over(made, checkpoints / made.name, known, self.layout)
                return tuple(_shared(each, step) for each in evaluations)
        return None

    def _on_the_way(self, tape: Tape) -> Iterator[tuple[Path, int]]:
        """Those that a trial comes by, the latest first."""
        names = [each.name for each in self.folder.glob("[0-9]*-*")]
        steps = {int(name.partition("-")[0]) for name in names}
        for step in sorted((step for step in steps if step <= tape.steps), reverse=True):
            place = fork_folder(self.folder, step, tape.until(step))
            if place.name in names:
                yield place, step

    def _copy_files(self, source: Path, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        for name in self.files:
            if (source / name).is_dir():
                shutil.rmtree(target / name, ignore_errors=True)
                shutil.copytree(source / name, target / name, copy_function=_linked)
            elif (source / name).exists():
                shutil.copy2(source / name, target / name)


@contextmanager
def _drafted(place: Path) -> Iterator[Path | None]:
    """A folder that all ranks fill, which is then at `place`; None if something is there."""
    made = None
    if ranks.rank() == 0 and not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    (draft,) = ranks.from_rank_zero([made])
    try:
        yield draft
        if made is not None:
            publish(place, partial(_move, made))
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _move(made: Path, empty: Path) -> None:
    made.replace(empty)


def fork_folder(folder: Path, step: int, until: str) -> Path:
    """The place of the fork after `step`, where all `until` then is known by its hash."""
    return folder / f"{step}-{until[:16]}"


def _take_over(source: Path, target: Path, known: Checkpoint, layout: str) -> None:
    """Make another trial's checkpoint one of a trial that has paid nothing for it."""
    own = replace(
        known,
        peak_memory_bytes=0,
        generation_seconds=0.0,
        judge_tokens=0,
        judge_dollars=0.0,
        shared_steps=known.step,
        shared_seconds=known.seconds,
    )

    def build(draft: Path) -> None:
        shutil.copytree(source, draft, copy_function=_linked, dirs_exist_ok=True)
        files = json.loads((draft / MANIFEST).read_text(encoding="utf-8"))["files"]
        (draft / MANIFEST).unlink()  # a link: writing it would change the fork's own
        manifest = manifest_of(own, layout, files)
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")

    publish(target, build)


def _linked(source: str, target: str) -> None:
    """Link a file that is never written again; copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _plain(evaluation: Evaluation) -> dict[str, object]:
    return {
        "point": evaluation.point,
        "step": evaluation.step,
        "metrics": dict(evaluation.metrics),
        "subset": dict(evaluation.subset),
        "cost": asdict(evaluation.cost),
    }


def _read(file: Path) -> list[Evaluation] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return [Evaluation(**{**each, "cost": Cost(**each["cost"])}) for each in found]
    except (OSError, ValueError, TypeError, KeyError):
        return None  # damaged


def _shared(evaluation: Evaluation, steps: int) -> Evaluation:
    """The evaluation as one of a trial that has paid nothing for it."""
    cost = replace(
        evaluation.cost,
        generation_seconds=0.0,
        judge_tokens=0,
        judge_dollars=0.0,
        shared_steps=steps,
        shared_seconds=evaluation.cost.seconds,
        shared_tokens=evaluation.cost.tokens,
    )
    return replace(evaluation, cost=cost)
