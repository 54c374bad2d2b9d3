"""The verb `sweep ask`. Heavy modules are imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import HomeOption, NameArgument, TrialOption
from sweeps.display.terminal import waiting
from sweeps.home.home import SweepHome


def ask(
    name: NameArgument,
    question: Annotated[
        str | None, typer.Argument(help="A question (default: those typed, or piped in, by line).")
    ] = None,
    trial: TrialOption = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of an answer.")] = 256,
    home: HomeOption = None,
) -> None:
    """Ask a trial's model a question; it answers as it did in the sweep, word by word."""
    with mistakes_shown():
        from contextlib import ExitStack

        from sweeps.export.asking import asking

        with ExitStack() as held:
            with waiting() as progress:
                ready = held.enter_context(asking(name, SweepHome.find(home), trial, progress))
            for each in [question] if question is not None else _typed():
                ready.answer(each, max_new_tokens, _say)
                typer.echo()


def _say(text: str) -> None:
    typer.echo(text, nl=False)
    sys.stdout.flush()


def _typed() -> Iterator[str]:
    """Lines of standard input, until it ends or Ctrl-C."""
    is_terminal = sys.stdin.isatty()
    try:
        while True:
            line = input("> " if is_terminal else "")
            if line.strip():
                yield line
    except (EOFError, KeyboardInterrupt):
        if is_terminal:
            typer.echo()
