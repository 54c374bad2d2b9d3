"""From an exception in a job to the outcome of its trial."""

from __future__ import annotations

import errno
import shutil
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from trainables.board.board_client import BoardClient
from trainables.board.job import Job
from trainables.config.batch_split import split_step
from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.errors import RefusedError, StorageError
from trainables.core.evaluation import Ending, Outcome
from trainables.slots.slot_storage import SlotStorage
from trainables.training.memory import is_out_of_memory

_NO_STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

_FULL = 2**20
"""A disk with fewer free bytes than this counts as full: the failed file was too large for it."""


def failed(board: BoardClient, job: Job, error: Exception, storage: SlotStorage | None) -> Outcome:
    """The failed trial's outcome; the whole traceback is written to its folder.

    If the disk failed, the board closes: the trial is not at fault, and goes on when the sweep is
    resumed.
    """
    file = job.folder / f"error-rank{ranks.rank()}.txt"
    with suppress(OSError):  # the folder may be what failed the trial
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(traceback.format_exception(error))
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
        if storage and not isinstance(error, StorageError):
            storage.push(file)
    if not isinstance(error, RefusedError) and (why := no_storage(error, job.folder)):
        board.close(why)
    first_line = (str(error).strip() or "no message").splitlines()[0]
    kind = "" if isinstance(error, RefusedError) else f"{type(error).__name__}: "
    outcome = Outcome(Ending.FAILED, error=kind + first_line)
    if not is_out_of_memory(error):
        return outcome
    return replace(outcome, out_of_memory=True, micro_batch_size=_held(job.config))


def _held(config: TrialConfig) -> int | None:
    """The sequences of a step's pass; None if its batch does not divide among the workers."""
    try:
        return split_step(config, ranks.world_size())[0]
    except ValueError:
        return None


def no_storage(error: Exception, folder: Path) -> str | None:
    """Why no more files can be written, if the disk failed; None if it did not.

    safetensors and torch do not say so in an OSError.
    """
    if isinstance(error, StorageError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        lacks = error.errno in _NO_STORAGE
    else:
        lacks = folder.is_dir() and shutil.disk_usage(folder).free < _FULL
    return f"no more files can be written to {folder}: {error}" if lacks else None
