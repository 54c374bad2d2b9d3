"""However the starter of a command ends, nothing of the command is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from sweeps.report.tether import Tethered

STARTER = """
import os, sys, time
from pathlib import Path
from sweeps.report.tether import Tethered
with Tethered(["sh", "-c", sys.argv[1]], Path(sys.argv[2]), os.environ) as tethered:
    time.sleep(float(sys.argv[3]))
"""

FAMILY = "sleep 600 & (trap '' TERM HUP; sleep 601) & sh -c 'sleep 602 & echo up'; sleep 603"
"""A command with a child, one that does not end when asked, and one whose parent is gone."""


def wait_for(condition):
    until = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < until, "it has not come to that"
        time.sleep(0.02)
    return found


def sleepers(starter):
    """The processes of the command, once all of them are there."""

    def all_four():
        family = psutil.Process(starter.pid).children(recursive=True)
        asleep = [each for each in family if "sleep" in each.name()]
        # The orphan has been adopted by then.
        return asleep if len(asleep) == 4 else []

    return wait_for(all_four)


@contextmanager
def starter(log, seconds):
    """The starter of such a family, and the family; none of them is left behind."""
    arguments = [sys.executable, "-c", STARTER, FAMILY, str(log), str(seconds)]
    begun, family = subprocess.Popen(arguments), []
    try:
        family += sleepers(begun)
        yield begun, family
    finally:
        begun.kill()
        begun.wait()
        for each in family:
            if each.is_running():
                each.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux only")
def test_whatever_ends_the_starter_ends_the_command_and_its_children(tmp_path):
    """Side by side, since each waits for the one that does not end when asked."""
    with ExitStack() as stack:
        started = {
            how: stack.enter_context(starter(tmp_path / f"log-{how}", 600 if how else 5))
            for how in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, None)
        }
        for how, (begun, _) in started.items():
            if how:
                os.kill(begun.pid, how)
        for how, (begun, family) in started.items():
            assert begun.wait(timeout=60) == (-how if how else 0)
            _, left = psutil.wait_procs(family, timeout=60)
            assert not left, how
            assert (tmp_path / f"log-{how}").read_text() == "up\n"


def test_a_command_that_ends_by_itself_is_told_by_its_exit_code(tmp_path):
    with Tethered(["sh", "-c", "echo said; exit 3"], tmp_path / "log", os.environ) as tethered:
        assert tethered.wait() == 3 == tethered.ended()
    assert (tmp_path / "log").read_text() == "said\n"
