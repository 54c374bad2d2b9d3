"""Whether an address in a sweep file can be one, by its shape alone. Light: nothing is asked."""

from __future__ import annotations

import re

from results.records.uris import server_address

_DATABASE = re.compile(r"[A-Za-z]\w*(\+\w+)?://\S+")
_TRACKING = re.compile(
    r"https?://[^/\s]\S*|sqlite(\+\w+)?:///.+|(postgresql|mysql|mssql)(\+\w+)?://\S+|file:/.+"
    r"|databricks(://\S+)?"
)


def no_database(uri: str) -> str:
    """What is wrong with the address of a database for Optuna, with the way out; "" for nothing."""
    if _DATABASE.fullmatch(uri) and _leads_somewhere(uri):
        return ""
    return (
        f"{uri!r} is no address of a database; write postgresql://HOST/DATABASE, or leave it "
        "out for a journal in the sweep's folder"
    )


def not_tracking(uri: str) -> str:
    """What is wrong with an address for MLflow, with the way out; "" for nothing."""
    if _TRACKING.fullmatch(uri) and _leads_somewhere(uri):
        return ""
    return (
        f"{uri!r} is no address of MLflow's; write https://HOST, postgresql://HOST/DATABASE, "
        "sqlite:////PATH, file:/PATH or databricks, or leave it out"
    )


def _leads_somewhere(uri: str) -> bool:
    """Whether host and port are such, where there are any."""
    try:
        return server_address(uri) is not None or not uri.startswith("http")
    except ValueError:
        return False
