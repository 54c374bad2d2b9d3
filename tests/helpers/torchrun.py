"""Runs a script on two workers, as torchrun starts them, and reads what each of them saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def on_two_workers(script: str, folder: Path, *arguments: str) -> list[dict]:
    """What each rank left in `folder`/rankN.json. The script, which lies beside this file, is given
    the folder first."""
    path = Path(__file__).with_name(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(path), str(folder), *arguments],
        env={**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1)]
