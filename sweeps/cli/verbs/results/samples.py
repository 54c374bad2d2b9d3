"""The verb `sweep samples`. Heavy modules are imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.base.errors import SweepError
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import ClusterOption, HomeOption, JobsOption, NameArgument
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def samples(
    name: NameArgument,
    trials: Annotated[
        str | None, typer.Option(metavar="N,N", help="Trials shown (default: the two best).")
    ] = None,
    prompt: Annotated[str, typer.Option(help="Show only prompts with this text in them.")] = "",
    only_differing: Annotated[
        bool, typer.Option("--only-differing", help="Show only prompts whose answers differ.")
    ] = False,
    as_lines: Annotated[
        bool, typer.Option("--jsonl", help="Print one JSON object for each answer.")
    ] = False,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Show generated answers of the base model and of trials to the same prompts."""
    with mistakes_shown():
        numbers = None if trials is None else _numbers(trials)
        if there := elsewhere(cluster, address, home):
            words = ["samples", name, *(["--trials", trials] if trials else [])]
            words += ["--prompt", prompt] if prompt else []
            words += ["--only-differing"] if only_differing else []
            raise typer.Exit(there.run([*words, *(["--jsonl"] if as_lines else [])]))
        from sweeps.report.samples import WIDTH, samples_lines, samples_report
        from sweeps.verdict.samples import find_samples, heads

        folder = SweepHome.find(home).existing(name)
        found = find_samples(folder, numbers, prompt, only_differing)
        about, goals = heads(folder, found), folder.sweep_record().goals
    if as_lines:
        for line in samples_lines(found):
            typer.echo(line)
        return
    console = make_console()
    console.print(samples_report(found, about, goals), width=min(WIDTH, console.width))


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(each) for each in text.split(",")]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0:
        raise SweepError(f"--trials {text!r}: write trial numbers with commas, e.g. --trials 3,7")
    return numbers
