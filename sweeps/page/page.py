"""The report's file: one HTML page with plotly's script, the charts and the words inside."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from results.ranking.summary import winners_json
from sweeps.advice.linter import advise
from sweeps.base.whole_file import write_whole
from sweeps.display.confirmed_cells import rows, titles
from sweeps.home.home import SweepFolder
from sweeps.page.answers import answers
from sweeps.page.charts import sections
from sweeps.page.labels import labels
from sweeps.page.tables import all_trials, cost, data, provenance, spec_text
from sweeps.verdict.conclusion import conclusion
from sweeps.verdict.results import Results


def render(results: Results, refresh: int | None = None) -> str:
    """The page; it reloads itself every `refresh` seconds while the sweep runs."""
    who, how_sure = conclusion(results)
    confirmed = results.confirmed
    numbers = winners_json(results.sweep, results.ranking, confirmed=confirmed)
    return template("report").render(
        name=results.sweep.name,
        sweep=results.sweep,
        who=who,
        how_sure=how_sure.split("\n") if how_sure else [],
        numbers=numbers,
        confirmed_titles=titles(confirmed) if confirmed else [],
        confirmed_rows=rows(confirmed) if confirmed else [],
        advice=advise(results),
        sections=sections(results),
        labels=labels(results),
        prompts=answers(results),
        cost=cost(results),
        data=data(results),
        provenance=provenance(results),
        spec=spec_text(results),
        trials=list(all_trials(results)),
        params=list(dict.fromkeys(name for r in results.trials for name in r.params)),
        plotly=plotly(),
        refresh=refresh if not results.sweep.state.ended else None,
    )


def write(folder: SweepFolder, path: Path | None = None) -> Path:
    """Write the report of the sweep in `folder`, by default there; whole or not at all."""
    return write_whole(path or folder.report, render(Results.read(folder)).encode())


@cache
def plotly() -> str:
    """The script that draws the charts."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def template(name: str) -> Template:
    """A page's template; what it is given is escaped."""
    loader = PackageLoader("sweeps.page", "files")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{name}.html.jinja")
