"""Options shared by several verbs of `sweep`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Sweep home (default: $SWEEP_HOME, else ./.winnow)."),
]
SpecArgument = Annotated[Path, typer.Argument(help="The sweep file.")]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a field, or add to it: budget.trials=+4; repeatable.",
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option("--skip-bad-rows", help="Skip and count unusable rows instead of failing."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(help="Ray cluster to run on (default: this machine); http://... submits a job."),
]
ClusterOption = Annotated[
    Path | None,
    typer.Option("--cluster", help="Cluster file of a cluster started with `ray up`; run there."),
]
JobsOption = Annotated[
    str | None, typer.Option("--address", help="Cluster to ask, as http://HOST:8265.")
]
StorageOption = Annotated[
    str | None,
    typer.Option(metavar="URI", help="Storage that holds the sweep, if not in the sweep home."),
]
TrialOption = Annotated[
    int | None, typer.Option("--trial", min=0, help="Trial to take (default: the winner).")
]
MergeOption = Annotated[
    bool, typer.Option("--merge", help="Merge the adapter into its base: a whole model.")
]


class Dtype(StrEnum):
    """Precisions of exported weights."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"


DtypeOption = Annotated[
    Dtype | None,
    typer.Option("--dtype", help="Precision of a whole model (default: as in the trial)."),
]
NameArgument = Annotated[str, typer.Argument(help="The sweep's name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
SendOption = Annotated[bool, typer.Option("--send", hidden=True)]
"""For a command run from another machine: its file is in its output (see remote.parcel)."""
PricesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--price", metavar="TYPE=DOLLARS", help="Hourly price of a node type; repeatable."
    ),
]


def overridden(overrides: list[str] | None, skip_bad_rows: bool) -> list[str]:
    """Changes to the sweep file from the options."""
    return [*(overrides or ()), *(["data.bad_rows=skip"] if skip_bad_rows else [])]
