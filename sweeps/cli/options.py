"""The options that several verbs of `sweep` share."""

from __future__ import annotations

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
        help="Change a field, or add to it: budget.trials=+4; can be repeated.",
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option(
        "--skip-bad-rows", help="Leave out and count rows that cannot be used; else, an error."
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="Ray cluster to run on (default: this machine); with http:// as a job of it."
    ),
]
ClusterOption = Annotated[
    Path | None,
    typer.Option("--cluster", help="File of a cluster that `ray up` has brought up; run there."),
]
JobsOption = Annotated[
    str | None, typer.Option("--address", help="http://HOST:8265 of a cluster; look there.")
]
StorageOption = Annotated[
    str | None,
    typer.Option(metavar="URI", help="Where its folder is, if it is not in the sweep home."),
]
NameArgument = Annotated[str, typer.Argument(help="The sweep's name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
PricesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--price", metavar="TYPE=DOLLARS", help="Of a node type, an hour; can be repeated."
    ),
]
