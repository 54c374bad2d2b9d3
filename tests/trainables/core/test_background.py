"""What breaks a thread or a task down is told; Python itself would end it with a word at most."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from sweeps.base.interruption import interruptible
from trainables.core.background import Background, breakdowns_told

LOSS = "nobody looks any more"


def broken_by(error) -> tuple[Background, list[str]]:
    def work():
        raise error

    told: list[str] = []
    thread = Background("observer", work, LOSS, told.append)
    thread.start()
    thread.join()
    return thread, told


def test_an_exception_that_ends_a_thread_is_told_with_its_place_and_what_is_lost():
    thread, told = broken_by(AttributeError("module has no draining nodes\nmore of it"))
    (text,) = told
    assert text.startswith("The observer thread broke down (AttributeError: module has no draining")
    assert "more of it" not in text and "test_background.py line " in text
    assert text.endswith(f"; {LOSS}")
    assert thread.breakdown == text and not thread.runs


def test_an_exit_that_a_library_asks_for_in_a_thread_is_told():
    assert "SystemExit: 3" in broken_by(SystemExit(3))[1][0]


def test_a_thread_that_does_its_work_tells_nothing():
    told: list[str] = []
    thread = Background("observer", lambda: None, LOSS, told.append)
    thread.join()  # it was never started: there is nothing to wait for
    assert not thread.started
    thread.start()
    thread.join()
    assert thread.started and not thread.runs
    assert (told, thread.breakdown) == ([], None)


def test_ctrl_c_does_not_leave_a_thread_behind():
    """A thread that waits inside Ray when Ray is shut down takes the whole process with it."""
    waits, over = threading.Semaphore(0), threading.Event()
    done = []

    class Awaited(threading.Event):
        def wait(self, timeout=None):
            waits.release()
            return super().wait(timeout)

    def work():
        assert waits.acquire(timeout=60)
        os.kill(os.getpid(), signal.SIGINT)
        # A signal that arrives at the very beginning of a wait does not end it.
        while not (waits.acquire(timeout=5) or over.is_set()):
            os.kill(os.getpid(), signal.SIGINT)
        done.append("left behind" if over.is_set() else "all of it")

    told: list[str] = []
    thread = Background("observer", work, LOSS, told.append)
    thread._ended = Awaited()
    with pytest.raises(KeyboardInterrupt), interruptible():
        thread.start()
        thread.join()
    over.set()
    assert (done, told, thread.runs) == (["all of it"], [], False)


def test_a_task_that_is_cancelled_has_not_broken_down():
    told: list[str] = []

    async def work():
        with breakdowns_told("The watch", LOSS, told.append):
            await asyncio.sleep(60)

    async def scene():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    assert told == []
