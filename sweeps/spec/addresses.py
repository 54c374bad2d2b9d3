"""Syntax checks of the addresses in a sweep file. Light: nothing is contacted."""

from __future__ import annotations

import os
import re

from results.records.uris import server_address
from search_spaces.problem import UnplacedError

_DATABASE = re.compile(r"[A-Za-z]\w*(\+\w+)?://\S+")
_TRACKING = re.compile(
    r"https?://[^/\s]\S*|sqlite(\+\w+)?:///.+|(postgresql|mysql|mssql)(\+\w+)?://\S+"
    r"|databricks(-uc)?(://\S+)?"
)
_FOLDER = re.compile(r"file:.+|(/|\./|\.\./|~).*|mlruns/?")


def check_database(uri: str) -> str:
    """The same address; UnplacedError unless Optuna can use it as a database."""
    if not _DATABASE.fullmatch(uri) or not _has_valid_host(uri):
        raise UnplacedError(
            f"{uri!r} is not the address of a database",
            "write postgresql://HOST/DATABASE, or leave it out for a journal in the sweep's folder",
        )
    return uri


def check_tracking(uri: str) -> str:
    """The same address; UnplacedError unless MLflow can use it."""
    if _FOLDER.fullmatch(uri):
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
            return uri
        raise UnplacedError(
            f"{uri!r} is a folder, which MLflow no longer takes as a store",
            "write sqlite:////PATH/mlflow.db for a database file, or a server's address",
        )
    if not _TRACKING.fullmatch(uri) or not _has_valid_host(uri):
        raise UnplacedError(
            f"{uri!r} is not an address that MLflow takes",
            "write https://HOST, postgresql://HOST/DATABASE, sqlite:////PATH or databricks, or "
            "leave it out",
        )
    return uri


def _has_valid_host(uri: str) -> bool:
    """Whether host and port are valid, if present."""
    try:
        return server_address(uri) is not None or not uri.startswith("http")
    except ValueError:
        return False
