"""Users' mistakes: one message and an exit code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from results.records.record_error import RecordError
from sweeps.base.errors import SweepError
from sweeps.display.terminal import make_console
from sweeps.remote.client import INTERRUPTED
from trainables.core.data_error import DataError
from trainables.core.errors import ModelError, RefusedError

_NO_WRITING = ("check its permissions", "a folder you can write to")
_NO_ROOM = ("make room there (`sweep clean`)", "a larger disk")
_REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _NO_WRITING),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _NO_ROOM),
}
"""What to do in the sweep home, and the home to choose instead."""

MISTAKE = 2
"""Exit code of a command ended by a user's mistake."""


@contextmanager
def mistakes_shown() -> Iterator[None]:
    """Show a mistake raised in the block as one message, and exit with code 2; no traceback."""
    try:
        yield
    except (SweepError, DataError, ModelError, RefusedError, RecordError) as error:
        show_mistake(str(error))
    except KeyboardInterrupt:
        make_console(stderr=True).print("Interrupted.")
        raise typer.Exit(INTERRUPTED) from None
    except OSError as error:
        show_obstacle(error)


def show_obstacle(error: OSError, resume: str | None = None) -> NoReturn:
    """Show the error of a file, with the way out, and end the command. `resume`: the command that
    goes on with the sweep that it ended, which another home would not find."""
    if error.filename is None:
        raise error
    # Libraries raise OSErrors that are only a sentence.
    reason = error.strerror or " ".join(map(str, error.args))
    here, elsewhere = _REMEDIES.get(error.errno or 0, ("", ""))
    remedy = f"; {here}" if here else ""
    if resume:
        remedy += f". To resume: {resume}"
    elif elsewhere:
        remedy += f", or set --home or SWEEP_HOME to {elsewhere}"
    show_mistake(f"{error.filename}: {reason}{remedy}")


def show_mistake(message: str) -> NoReturn:
    """Print the message and end the command."""
    make_console(stderr=True).print(f"Error: {message}", style="red", soft_wrap=True)
    raise typer.Exit(MISTAKE) from None
