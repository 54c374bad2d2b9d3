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
    from sweeps.planning.cards import Card
    from sweeps.spec.spec import SweepSpec


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
        from sweeps.base.quiet import quiet
        from sweeps.planning import cards
        from sweeps.spec.spec import SweepSpec

        changes = overridden(overrides, skip_bad_rows)
        changes += [f"slots.workers={workers}"] if workers else []
        checked = SweepSpec.load(spec, changes)
        named = cards.card(gpu) if gpu else cards.named_by(checked)
        card = named or cards.card("24GB")
        shown = (named,) if named and not cluster else _cards(checked, cluster)
        with quiet(), waiting() as progress:
            with progress.phase("loading PyTorch and transformers"):
                from sweeps.caps.trained_tokens import refuse_below_one_trial
                from sweeps.inputs.budgets import extents
                from sweeps.inputs.evaluation_share import evaluation_share
                from sweeps.inputs.prepare import checked_inputs
                from sweeps.planning.editing import planned_edits
                from sweeps.planning.fit import WORKER_COUNTS, fits
                from sweeps.planning.plan import make_plan
                from sweeps.report.plan_report import fit_report, plan_json, report
                from sweeps.run.fitting import most_workers, settle_method, settle_method_here

            cache, choice = SweepHome.find(home).cache, None
            if not fit:
                checked, choice = (
                    settle_method(checked, cache, progress, named)
                    if named
                    else settle_method_here(checked, cache, progress)
                )
            prepared = checked_inputs(checked, cache, trains=False, progress=progress)
            if fit:
                counts = (workers,) if workers else WORKER_COUNTS
                table = fit_report(fits(checked, prepared, shown, counts, progress), shown)
            else:
                refuse_below_one_trial(checked, prepared.inputs)
                made = make_plan(checked, prepared, card, progress)
                found = extents(checked, prepared.inputs)
                share = evaluation_share(checked, prepared.inputs, found)
                most = most_workers(checked, None)
                edits = planned_edits(checked, prepared, made, most, progress)
    if fit:
        make_console().print(table)
    elif as_json:
        echo_json(plan_json(made, edits, choice, share))
    else:
        make_console().print(report(made, edits, choice, share))


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
