"""Where a command writes to: a terminal, a pipe, or the terminal of who follows it from afar."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from sweeps.view import View

PIPE_WIDTH = 250
"""Columns, where there is no terminal that has any."""

FAR = "SWEEP_TERMINAL"
"""Environment variable of a command that is followed from another machine's terminal: its columns.
The command's progress is then told in lines of JSON, which are shown there as here."""


class TextConsole(Console):
    """Shows strings as they are, in table cells too: names, errors and data are no markup."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)


def make_console(stderr: bool = False, pipe_width: int = PIPE_WIDTH) -> Console:
    """A terminal as wide as it is; logs and pipes get lines that nothing wraps."""
    if columns := os.environ.get(FAR, ""):
        return TextConsole(stderr=stderr, width=int(columns), force_terminal=True)
    stream = sys.stderr if stderr else sys.stdout
    return TextConsole(stderr=stderr, width=None if stream.isatty() else pipe_width)


def make_view(console: Console) -> View:
    """Who shows a running sweep there."""
    from sweeps.events import JsonView
    from sweeps.live import LiveView, PlainView

    if os.environ.get(FAR):
        return JsonView(typer.echo)
    return LiveView(console) if console.is_terminal else PlainView(console)


def for_far_end(console: Console) -> dict[str, str]:
    """The environment with which a command elsewhere writes for this console."""
    return {FAR: str(console.width)} if console.is_terminal else {}


class Followed:
    """A sweep elsewhere, line by line: its events go to a view, other lines are passed on.

    A context, so that a live table is taken down whatever happens.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._view = make_view(console)

    def say(self, line: str) -> None:
        """Show one line of the command's output."""
        from sweeps.events import replay

        if not self._console.is_terminal:
            typer.echo(line)
        elif not replay(line, self._view):
            self._console.print(Text.from_ansi(line), soft_wrap=True)

    def __enter__(self) -> Callable[[str], None]:
        return self.say

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._view.trials_end()
