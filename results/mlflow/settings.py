"""Our values of MLflow's environment variables. Light: imports no MLflow."""

from __future__ import annotations

import os

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Keep the terminal for our own output.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # An attempt ends in seconds. MLflow's own retries, for minutes, would create a run twice if
    # only the answer was lost; our callers check first.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}

MLFLOWS_OWN = ("MLFLOW_", "DO_NOT_TRACK")
"""Prefixes of the names of such variables."""


def unset() -> dict[str, str]:
    """The variables that the user has not set."""
    return {name: value for name, value in SETTINGS.items() if name not in os.environ}
