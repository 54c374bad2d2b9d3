"""The verb `sweep plan`. Heavy modules are imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.base.errors import SweepError
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
    from collections.abc import Sequence

    from rich.console import Group

    from results.records.method_choice import MethodChoice
    from results.records.record import Edit
    from sweeps.inputs.evaluation_share import EvaluationShare
    from sweeps.planning.cards import Card
    from sweeps.planning.plan import Plan
    from sweeps.spec.spec import SweepSpec

    Planned = tuple[Plan, Sequence[Edit], MethodChoice | None, EvaluationShare | None]


def plan(
    spec: SpecArgument,
    gpu: Annotated[
        str,
        typer.Option(
            metavar="NAME|SIZE", help="A GPU such as H100, or 40GB (default: slots.gpu, or 24GB)."
        ),
    ] = "",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Workers of a slot (default: slots.workers).")
    ] = None,
    fit: Annotated[
        bool,
        typer.Option("--fit", help="Show which methods fit instead, on common GPUs or --gpu."),
    ] = False,
    cluster: Annotated[
        Path | None,
        typer.Option(help="With --fit: a cluster file, for the GPUs of its workers."),
    ] = None,
    overrides: OverridesOption = None,
    skip_bad_rows: SkipOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show how much GPU memory each combination of a sweep needs, before any GPU is taken."""
    with mistakes_shown():
        if fit and as_json:
            raise SweepError("--json: --fit prints a table only; leave one of them out")
        if cluster and (gpu or not fit):
            raise SweepError("--cluster: names GPUs for --fit; use it with that, and without --gpu")
        from sweeps.planning import cards
        from sweeps.spec.spec import SweepSpec

        changes = overridden(overrides, skip_bad_rows)
        changes += [f"slots.workers={workers}"] if workers else []
        checked = SweepSpec.load(spec, changes)
        named = cards.card(gpu) if gpu else cards.named_by(checked)
        cache = SweepHome.find(home).cache
        if fit:
            shown = (named,) if named and not cluster else _cards(checked, cluster)
            table = _fitting(checked, cache, shown, workers)
        else:
            found = _planned(checked, cache, named)
    if fit:
        make_console().print(table)
        return
    from sweeps.report.plan_report import plan_json, report

    if as_json:
        echo_json(plan_json(*found))
    else:
        make_console().print(report(*found))


def _fitting(spec: SweepSpec, cache: Path, cards: tuple[Card, ...], workers: int | None) -> Group:
    """Which methods fit on these GPUs."""
    from sweeps.base.quiet import quiet

    with quiet(), waiting() as progress:
        with progress.phase("loading PyTorch and transformers"):
            from sweeps.inputs.prepare import checked_inputs
            from sweeps.planning.fit import WORKER_COUNTS, fits
            from sweeps.report.plan_report import fit_report

        prepared = checked_inputs(spec, cache, trains=False, progress=progress)
        counts = (workers,) if workers else WORKER_COUNTS
        return fit_report(fits(spec, prepared, cards, counts, progress), cards)


def _planned(spec: SweepSpec, cache: Path, named: Card | None) -> Planned:
    """The plan of the sweep's combinations, what a launch would change, the method that `auto`
    becomes, and evaluation's share."""
    from sweeps.base.quiet import quiet
    from sweeps.planning import cards

    with quiet(), waiting() as progress:
        with progress.phase("loading PyTorch and transformers"):
            from sweeps.caps.trained_tokens import refuse_below_one_trial
            from sweeps.inputs.affordable_examples import settled
            from sweeps.inputs.budgets import extents
            from sweeps.inputs.evaluation_share import evaluation_share
            from sweeps.inputs.prepare import checked_inputs
            from sweeps.planning.editing import planned_edits
            from sweeps.planning.plan import make_plan
            from sweeps.run.fitting import most_workers, settle_method, settle_method_here

        if named:
            spec, choice = settle_method(spec, cache, progress, named)
        else:
            spec, choice = settle_method_here(spec, cache, progress)
        prepared = checked_inputs(spec, cache, trains=False, progress=progress)
        spec = settled(spec, prepared.inputs)
        refuse_below_one_trial(spec, prepared.inputs)
        made = make_plan(spec, prepared, named or cards.card("24GB"), progress)
        share = evaluation_share(spec, prepared.inputs, extents(spec, prepared.inputs))
        edits = planned_edits(spec, prepared, made, most_workers(spec, None), progress)
        return made, edits, choice, share


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
