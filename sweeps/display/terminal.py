"""A command's output: a terminal, a pipe, or a terminal on another machine."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from sweeps.base.quiet import quiet

if TYPE_CHECKING:
    from sweeps.base.view import View
    from trainables.core.progress import Progress

PIPE_WIDTH = 250
"""Columns without a terminal."""

FAR = "SWEEP_TERMINAL"
"""Environment variable of a command followed from another machine: the columns of that terminal.
The command's progress is then written as lines of JSON, and displayed there."""


_COLOUR = r"\x1b\[[\d;]*m"
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
"""Characters that control a terminal, reverse the direction of text or cannot be encoded."""


def escaped(text: str) -> str:
    r"""The text with control characters as `\x1b`; line ends and tabs stay."""
    return re.sub(_CONTROL, _written_out, text)


def _written_out(control: re.Match[str]) -> str:
    return ascii(control.group())[1:-1]


def echo_json(tree: object) -> None:
    """Print JSON with control characters escaped."""
    text = json.dumps(tree, ensure_ascii=not (sys.stdout.encoding or "").lower().startswith("utf"))
    typer.echo(re.sub(_CONTROL, lambda control: f"\\u{ord(control.group()):04x}", text))


def write_what_can_be_written() -> None:
    """Escape characters that the output encoding lacks, as `\\u4e2d`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not in a notebook
            stream.reconfigure(errors="backslashreplace")


class TextConsole(Console):
    """Shows text literally, in table cells too: names, errors and data are neither markup nor
    terminal commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Rich's conversion of strings to Text, for measuring and printing."""
        return super().render_str(escaped(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Escape nested renderables, too: Rich passes each of them through here."""
        shown = _escaped_text(renderable) if isinstance(renderable, Text) else renderable
        return super().render(shown, options)


def _escaped_text(text: Text) -> Text:
    """The text escaped, with its styles on the same parts."""
    found = [place for match in re.finditer(_CONTROL, text.plain) for place in match.span()]
    if not found:
        return text
    pieces = text.divide(found)
    for piece in pieces:
        piece.plain = escaped(piece.plain)
    return text.blank_copy().join(pieces)


def make_console(stderr: bool = False, pipe_width: int = PIPE_WIDTH) -> Console:
    """A console as wide as its terminal; logs and pipes get unwrapped lines."""
    if columns := os.environ.get(FAR, ""):
        return TextConsole(stderr=stderr, width=int(columns), force_terminal=True)
    stream = sys.stderr if stderr else sys.stdout
    return TextConsole(stderr=stderr, width=None if stream.isatty() else pipe_width)


def make_view(console: Console) -> View:
    """The view of a running sweep on this console; a context manager."""
    from sweeps.display.events import JsonView
    from sweeps.display.live import LiveView
    from sweeps.display.plain import PlainView

    if os.environ.get(FAR):
        return JsonView(typer.echo)
    return LiveView(console) if console.is_terminal else PlainView(console)


@contextmanager
def waiting() -> Iterator[Progress]:
    """Progress on stderr, for commands with results on stdout."""
    from trainables.core.progress import Progress

    with make_view(make_console(stderr=True)) as view:
        yield Progress(view.at)


@contextmanager
def loading() -> Iterator[None]:
    """Progress while a command imports its libraries, which takes a minute on a busy machine, and
    none of their warnings."""
    with quiet(), waiting() as progress, progress.phase("loading libraries"):
        yield


def for_far_end(console: Console) -> dict[str, str]:
    """The environment of a remote command that writes for this console."""
    return {FAR: str(console.width)} if console.is_terminal else {}


class Followed:
    """A remote sweep, line by line: its events go to a view, other lines are printed.

    A context manager, so that the live table always ends.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._view = make_view(console)

    def say(self, line: str) -> None:
        """Show one line of the command's output."""
        from sweeps.display.events import replay

        if not self._console.is_terminal:
            typer.echo(escaped(line))
        elif not replay(line, self._view):
            colours_only = re.sub(f"(?!{_COLOUR}){_CONTROL}", _written_out, line)
            self._console.print(Text.from_ansi(colours_only), soft_wrap=True)

    def __enter__(self) -> Callable[[str], None]:
        self._view.__enter__()
        return self.say

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._view.trials_end()
        self._view.__exit__(kind, error, trace)
