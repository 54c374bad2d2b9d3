"""`python -m sweeps.cli`: the `sweep` command without its script."""

from sweeps.cli.app import app

app()
