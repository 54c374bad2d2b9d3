"""A trial's checkpoints: written whole or not at all, verified before use."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainables.core import ranks
from trainables.storage.sealed import MANIFEST, Sums, sum_of, sums_of

KEPT = 2
"""The last one, and the one before in case the last is damaged."""

PREFIX = "checkpoint-"
"""The name that transformers gives its checkpoints."""


@dataclass(frozen=True)
class Checkpoint:
    """A trial's progress at a checkpoint: optimizer steps, and seconds of training, of them
    `generation_seconds` for answers, which judges took tokens and dollars to score.

    `best_has_answers` is whether the answers on disk are of the best evaluation; `lanes` is the
    largest number of trials beside which it has trained, itself included. The first `shared_steps`
    were trained by another trial, in `shared_seconds` of the `seconds`.
    """

    step: int
    seconds: float
    peak_memory_bytes: int
    generation_seconds: float = 0.0
    best_has_answers: bool = False
    judge_tokens: int = 0
    judge_dollars: float = 0.0
    lanes: int = 1
    shared_steps: int = 0
    shared_seconds: float = 0.0


class Checkpoints:
    """The checkpoints in `folder`, a new one every `every` seconds of training.

    `layout` says how the ranks share a trial's state. A checkpoint of another layout cannot be
    read and is ignored.
    """

    def __init__(self, folder: Path, every: float, layout: str) -> None:
        self._folder = folder
        self._every = every
        self._layout = layout
        self._last = time.monotonic()

    @property
    def patient(self) -> bool:
        """Whether a due one may wait for the one before; False if every step must be saved."""
        return self._every > 0

    def due(self) -> bool:
        """Whether the next one is due."""
        return time.monotonic() - self._last >= self._every

    def write(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """Let `fill` write `checkpoint-STEP` in the folder it is given. All ranks call it."""
        draft = self._folder / ".partial"
        if ranks.rank() == 0:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        ranks.barrier()
        fill(draft)
        ranks.barrier()
        if ranks.rank() == 0:
            self._publish(checkpoint, draft / self.path(checkpoint).name)
        self._wrote()

    def parts_at(self, step: int) -> bool:
        """Whether other trials part from this one after that step."""
        return False

    def part(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """Keep the state at which they do, written by `fill` as by `write`."""

    def busy(self) -> bool:
        """Whether this rank is still storing the last one."""
        return False

    def finish(self) -> bool:
        """Make the last one count; return whether that takes a while. All ranks call it, when none
        is busy."""
        return False

    def settle(self) -> None:
        """Wait until the last one counts. All ranks call it."""

    def give_up(self) -> None:
        """Give up the last one: the trial has ended."""

    def latest(self, before: float = float("inf")) -> Checkpoint | None:
        """The newest whole one from before that step, the same on every rank.

        Later ones belong to training that is repeated, and are deleted.
        """
        found = [self._go_back(before)] if ranks.rank() == 0 else None
        (newest,) = ranks.from_rank_zero(found)
        return newest

    def path(self, checkpoint: Checkpoint) -> Path:
        """The folder of one."""
        return self._folder / f"{PREFIX}{checkpoint.step}"

    def _wrote(self) -> None:
        self._last = time.monotonic()

    def _publish(self, checkpoint: Checkpoint, draft: Path) -> None:
        manifest = manifest_of(checkpoint, self._layout, sums_of(draft))
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        final = self.path(checkpoint)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        shutil.rmtree(draft.parent, ignore_errors=True)
        for step in needless([*map(_step, self._all())], checkpoint.step):
            shutil.rmtree(self._folder / f"{PREFIX}{step}", ignore_errors=True)

    def _go_back(self, before: float) -> Checkpoint | None:
        """Delete those of `before` or later; return the newest whole one of the others."""
        for path in sorted(self._all(), key=_step, reverse=True):
            if _step(path) >= before:
                shutil.rmtree(path, ignore_errors=True)
            elif checkpoint := whole(path, self._layout):
                return checkpoint
        return None

    def _all(self) -> list[Path]:
        found = self._folder.glob(f"{PREFIX}*")
        return [path for path in found if path.name.removeprefix(PREFIX).isdigit()]


NO_CHECKPOINTS = Checkpoints(Path("/nonexistent"), every=float("inf"), layout="")
"""For trials without interruptions."""


def manifest_of(checkpoint: Checkpoint, layout: str, files: Sums) -> dict[str, Any]:
    """The data stored beside a checkpoint's files."""
    return {"checkpoint": asdict(checkpoint), "layout": layout, "files": files}


def read_manifest(manifest: Mapping[str, Any], layout: str) -> Checkpoint | None:
    """The checkpoint described by a manifest, unless it is of another layout or damaged."""
    try:
        checkpoint = Checkpoint(**manifest["checkpoint"])
    except (KeyError, TypeError):
        return None
    return checkpoint if manifest.get("layout") == layout else None


def whole(path: Path, layout: str) -> Checkpoint | None:
    """The checkpoint at `path`, unless a file of it is missing, cut short or changed."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        intact = all(sum_of(path / name) == known for name, known in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged: the one before takes its place
    return read_manifest(manifest, layout) if intact else None


def needless(steps: Collection[int], written: int) -> list[int]:
    """The steps whose checkpoints are dropped once `written` exists: the oldest, and those after
    it, which belong to abandoned training and would outlive it."""
    kept = sorted((step for step in steps if step <= written), reverse=True)[:KEPT]
    return [step for step in steps if step not in kept]


def _step(path: Path) -> int:
    return int(path.name.removeprefix(PREFIX))
