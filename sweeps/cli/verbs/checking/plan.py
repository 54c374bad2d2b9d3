"""The verb `sweep plan`. Heavy modules are imported when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import (
    HomeOption,
    JsonOption,
    OverridesOption,
    SkipOption,
    SpecArgument,
    overridden,
)
from sweeps.display.terminal import echo_json, make_console, waiting
from sweeps.home.home import SweepHome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Group

    from sweeps.planning.cards import Card
    from sweeps.spec.spec import SweepSpec
    from trainables.core.progress import Progress

    Answer = tuple[Group, Mapping[str, object]]
    """For a reader, and for scripts."""

GpuOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|SIZE", help="A GPU such as H100, or 40GB (default: slots.gpu, or 24GB)."
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Workers of a slot (default: slots.workers).")
]
FitOption = Annotated[
    bool, typer.Option("--fit", help="Show which methods fit instead, on common GPUs or --gpu.")
]
CardsOption = Annotated[
    Path | None, typer.Option(help="With --fit: a cluster file, for the GPUs of its workers.")
]


def plan(
    spec: SpecArgument,
    gpu: GpuOption = "",
    workers: WorkersOption = None,
    fit: FitOption = False,
    cluster: CardsOption = None,
    overrides: OverridesOption = None,
    skip_bad_rows: SkipOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show how much GPU memory each combination of a sweep needs, before any GPU is taken."""
    with mistakes_shown():
        _refuse_misfits(gpu, fit, cluster)
        from sweeps.planning import cards
        from sweeps.spec.spec import SweepSpec

        changes = overridden(overrides, skip_bad_rows)
        changes += [f"slots.workers={workers}"] if workers else []
        checked, cache = SweepSpec.load(spec, changes), SweepHome.find(home).cache
        _refuse_without_training(checked)
        named = cards.card(gpu) if gpu else cards.named_by(checked)
        if fit:
            shown = (named,) if named and not cluster else _cards(checked, cluster)
            table, plain = _fitting(checked, cache, shown, workers)
        else:
            table, plain = _planned(checked, cache, named)
    if as_json:
        echo_json(plain)
    else:
        make_console().print(table)


def _refuse_misfits(gpu: str, fit: bool, cluster: Path | None) -> None:
    """SweepError for options that do not go together."""
    if cluster and (gpu or not fit):
        raise SweepError("--cluster: names GPUs for --fit; use it with that, and without --gpu")


def _refuse_without_training(spec: SweepSpec) -> None:
    """SweepError for an objective without a model."""
    if not spec.trial.learns.trains:
        raise SweepError(
            f"objective {spec.trial.objective} trains nothing, so there is no memory to plan; "
            "launch the sweep instead"
        )


@contextmanager
def _planning() -> Iterator[Progress]:
    """Progress while libraries are imported, which is said, and while they plan."""
    with quiet(), waiting() as progress:
        with progress.phase("loading PyTorch and transformers"):
            import_module("sweeps.run.planned")
        yield progress


def _fitting(spec: SweepSpec, cache: Path, cards: tuple[Card, ...], workers: int | None) -> Answer:
    """Which methods fit on these GPUs."""
    with _planning() as progress:
        from sweeps.report.plan_report import fit_json, fit_report
        from sweeps.run.planned import methods_that_fit

        found = methods_that_fit(spec, cache, cards, workers, progress)
        return fit_report(found, cards), fit_json(found, cards)


def _planned(spec: SweepSpec, cache: Path, named: Card | None) -> Answer:
    """The plan of the sweep's combinations, and what a launch would change."""
    with _planning() as progress:
        from sweeps.report.plan_report import plan_json, report
        from sweeps.run.planned import planned

        found = planned(spec, cache, named, progress)
        return report(found), plan_json(found)


def _cards(spec: SweepSpec, cluster: Path | None) -> tuple[Card, ...]:
    """The GPUs of a cluster file's workers; else of the machine types in slots.prices; else the
    common ones."""
    from sweeps.planning.cards import SIZES
    from sweeps.planning.node_cards import Machine, cards_of

    if cluster is None:
        return cards_of({kind: Machine(kind) for kind in spec.slots.prices}) or SIZES
    from sweeps.remote.cluster_file import ClusterFile
    from sweeps.remote.machines import machines_of

    if found := cards_of(machines_of(ClusterFile.load(cluster))):
        return found
    raise SweepError(
        f"--cluster {cluster}: none of its types of workers has a GPU known here; name one, --gpu"
    )
