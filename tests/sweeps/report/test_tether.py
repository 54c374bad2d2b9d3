"""However the starter of a command ends, nothing of the command is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress

import psutil
import pytest
from waiting import wait_until

from sweeps.report.tether import Tethered

STARTER = """
import os, sys
from pathlib import Path
from sweeps.report.tether import Tethered
with Tethered(["sh", "-c", sys.argv[1]], Path(sys.argv[2]), os.environ) as tethered:
    sys.stdin.read()
"""

FAMILY = "sleep 600 & (trap '' TERM HUP; sleep 601) & sh -c 'sleep 602 & echo up'; sleep 603"
"""A command with a child, one that does not end when asked, and one whose parent is gone."""


def sleepers(starter):
    """The processes of the command that are there by now."""
    with suppress(psutil.NoSuchProcess):  # one has just ended, or become another
        family = psutil.Process(starter.pid).children(recursive=True)
        return [each for each in family if "sleep" in each.name()]
    return []


@contextmanager
def starter(log):
    """The starter of such a family, and the family; none of them is left behind. It ends by itself
    when its standard input does."""
    arguments = [sys.executable, "-c", STARTER, FAMILY, str(log)]
    begun, family = subprocess.Popen(arguments, stdin=subprocess.PIPE), []
    try:
        # The orphan has been adopted when all four are there.
        wait_until(lambda: len(sleepers(begun)) == 4)
        family += sleepers(begun)
        yield begun, family
    finally:
        begun.kill()
        begun.communicate()
        for each in family:
            if each.is_running():
                each.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux only")
def test_whatever_ends_the_starter_ends_the_command_and_its_children(tmp_path):
    """Side by side, since each waits for the one that does not end when asked."""
    with ExitStack() as stack:
        started = {
            how: stack.enter_context(starter(tmp_path / f"log-{how}"))
            for how in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, None)
        }
        for how, (begun, _) in started.items():
            if how:
                os.kill(begun.pid, how)
            else:
                begun.stdin.close()
        for how, (begun, family) in started.items():
            assert begun.wait(timeout=60) == (-how if how else 0)
            _, left = psutil.wait_procs(family, timeout=60)
            assert not left, how
            assert (tmp_path / f"log-{how}").read_text() == "up\n"


def test_a_command_that_ends_by_itself_is_told_by_its_exit_code(tmp_path):
    with Tethered(["sh", "-c", "echo said; exit 3"], tmp_path / "log", os.environ) as tethered:
        assert tethered.wait() == 3 == tethered.ended()
    assert (tmp_path / "log").read_text() == "said\n"
