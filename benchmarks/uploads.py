"""A trial's cost of checkpoints on shared storage: uploaded in the background, or waited for.

    python -m benchmarks.uploads [--megabytes-per-second 10] [--every 4] [--steps 600] [--rounds 3]

The same full fine-tune of a small Llama, alternately without checkpoints, with ours, and with ones
for which training waits; the storage is a folder behind a link of limited speed. Seconds are from
the first step until training and uploads are complete. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.tiny_inputs import make_inputs, make_model
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Monitor
from trainables.slots.remote_checkpoints import RemoteCheckpoints
from trainables.slots.uploads import Uploads
from trainables.storage.remote_folder import RemoteFolder
from trainables.training.checkpoints import NO_CHECKPOINTS, Checkpoint
from trainables.training.workshop import Workshop


class Link(RemoteFolder):
    """A folder that accepts a limited number of bytes a second."""

    bytes_per_second = 0.0

    def push(self, file: Path, name: str, wanted: Callable[[], bool] = lambda: True) -> None:
        """Copy the file, in a time proportional to its size."""
        time.sleep(file.stat().st_size / self.bytes_per_second)
        super().push(file, name, wanted)


class Awaited(RemoteCheckpoints):
    """Checkpoints for which training waits until they are uploaded."""

    def write(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """Write the checkpoint, and wait for its upload."""
        super().write(checkpoint, fill)
        self.settle()
        self._wrote()


class Clock(Monitor):
    """The time of the trial's first step."""

    began: float | None = None

    def asked_to_end(self) -> Ending | None:
        """Note the time."""
        self.began = self.began or time.monotonic()
        return None


WAYS = {"none": None, "beside": RemoteCheckpoints, "awaited": Awaited}


def main() -> None:
    """Train alternately, and compare the medians."""
    options = _options()
    Link.bytes_per_second = options.megabytes_per_second * 1e6
    folder = Path(tempfile.mkdtemp())
    parameters = make_model(folder / "model", hidden=256, layers=4)
    workshop = Workshop(make_inputs(folder, "sft", folder / "model"))
    config = TrialConfig.model_validate(
        {
            "model": str(folder / "model"),
            "data": {"train": "synthetic"},
            "method": "full",
            "batch_size": 8,
            "micro_batch_size": 8,
            "budget": {"steps": options.steps, "evaluations": 1},
        }
    )
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way, measured in seconds.items():
            place = folder / f"{way}-{number}"
            measured.append(_seconds(workshop, config, WAYS[way], place, options.every))
    medians = {way: statistics.median(measured) for way, measured in seconds.items()}
    report = {
        "parameters": parameters,
        "seconds": {way: [round(each, 2) for each in all_] for way, all_ in seconds.items()},
        "cost": {way: round(each / medians["none"] - 1, 3) for way, each in medians.items()},
    }
    print(json.dumps(report, indent=1))


def _seconds(
    workshop: Workshop,
    config: TrialConfig,
    kind: type[RemoteCheckpoints] | None,
    place: Path,
    every: float,
) -> float:
    clock = Clock()
    with Uploads() as uploads:
        link = Link((place / "store").as_uri())
        checkpoints = kind(place / "node", every, "one", link, uploads) if kind else NO_CHECKPOINTS
        workshop.train(config, clock, checkpoints)
    assert clock.began is not None, "it made a step"
    return time.monotonic() - clock.began


def _options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes-per-second", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two checkpoints")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
