from __future__ import annotations

import subprocess
import sys

from trainables.training.watchdog import Watchdog, hung

HANGS = """
import sys, time
from pathlib import Path
from trainables.training.watchdog import Watchdog

dog = Watchdog(4.0)
with dog.watching(Path(sys.argv[1])):
    until = time.monotonic() + 4.5
    while time.monotonic() < until:
        time.sleep(0.05)
        dog.alive()
    def stuck():
        time.sleep(1e9)
    stuck()
"""


def test_a_process_in_which_nothing_moves_is_ended_and_says_where_it_was(tmp_path):
    done = subprocess.run([sys.executable, "-c", HANGS, str(tmp_path)], timeout=60)
    assert done.returncode == 1
    assert hung(tmp_path)
    assert "in stuck" in (tmp_path / "hang-rank0.txt").read_text()


def test_what_ends_in_time_leaves_nothing(tmp_path):
    with Watchdog(60.0).watching(tmp_path / "trial"):
        pass
    assert not hung(tmp_path / "trial") and not list((tmp_path / "trial").iterdir())


def test_without_a_time_limit_nothing_is_watched(tmp_path):
    with Watchdog(None).watching(tmp_path / "trial"):
        assert not (tmp_path / "trial").exists()
