"""The verb `sweep inspect`. Heavy modules are imported when it runs."""

from __future__ import annotations

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import (
    HomeOption,
    JsonOption,
    OverridesOption,
    SkipOption,
    SpecArgument,
    overridden,
)
from sweeps.display.terminal import echo_json, loading, make_console, waiting
from sweeps.home.home import SweepHome


def inspect(
    spec: SpecArgument,
    overrides: OverridesOption = None,
    skip_bad_rows: SkipOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show a sweep's data: formats, counts, lengths, and samples as the model sees them."""
    with mistakes_shown():
        with loading():
            from sweeps.report.inspect_report import WIDTH
            from sweeps.report.inspect_report import report as described
            from sweeps.run.inspection import inspect as look
            from sweeps.spec.spec import SweepSpec

        changes = overridden(overrides, skip_bad_rows)
        with waiting() as progress:
            found = look(SweepSpec.load(spec, changes), SweepHome.find(home), progress)
    if as_json:
        echo_json(found.json())
        return
    console = make_console(pipe_width=WIDTH)
    console.print(described(found, console), width=WIDTH)
