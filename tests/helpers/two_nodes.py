"""Run by torchrun on two workers that stand for two nodes: each has a folder of its own.

torchrun --nproc-per-node 2 two_nodes.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import torch.distributed as dist

from trainables.core import ranks
from trainables.core.errors import StorageError
from trainables.slots.remote_checkpoints import RemoteCheckpoints
from trainables.slots.uploads import Uploads
from trainables.storage import sealed
from trainables.storage.remote_folder import RemoteFolder
from trainables.training.checkpoints import Checkpoint


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    rank = ranks.rank()
    os.environ["LOCAL_RANK"] = "0"
    remote = RemoteFolder((folder / "store").as_uri())
    with Uploads() as uploads:
        checkpoints = RemoteCheckpoints(folder / f"node{rank}", 0.0, "two", remote, uploads)
        seen = {"none": checkpoints.latest()}
        sealed.seal = late(sealed.seal)  # the other node does not wait for it by itself
        for step in (1, 2):
            checkpoints.write(Checkpoint(step, 1.0, 1), shard(rank, step))
        checkpoints.settle()
        with Away(when=rank == 1):  # only one node has lost its way to the store
            checkpoints.write(Checkpoint(3, 1.0, 1), shard(rank, 3))
            checkpoints.settle()
    ranks.barrier()
    newest = checkpoints.latest()
    assert newest is not None
    seen["newest"] = newest.step
    fetched = checkpoints.path(newest)
    seen["files"] = {file.name: file.read_text() for file in sorted(fetched.iterdir())}
    ranks.barrier()
    if rank == 0:
        (remote / "checkpoint-2").write("shard-1", b"damaged")
    ranks.barrier()
    before = checkpoints.latest()
    seen["before"] = before.step if before else None
    (folder / f"rank{rank}.json").write_text(json.dumps(seen))
    dist.destroy_process_group()


def shard(rank: int, step: int):
    def fill(draft: Path) -> None:
        (draft / f"checkpoint-{step}").mkdir(exist_ok=True)
        (draft / f"checkpoint-{step}" / f"shard-{rank}").write_text(f"{rank} at {step}")

    return fill


def late(action):
    def done(*given, **more) -> None:
        time.sleep(0.3)
        action(*given, **more)

    return done


class Away:
    """Nothing can be uploaded meanwhile."""

    def __init__(self, when: bool) -> None:
        self._when = when

    def __enter__(self) -> None:
        self._push = RemoteFolder.push
        if self._when:
            RemoteFolder.push = self._refuse  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        RemoteFolder.push = self._push  # type: ignore[method-assign]

    def _refuse(self, file: Path, name: str, *wanted: object) -> None:
        raise StorageError("store", "away")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
