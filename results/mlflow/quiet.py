"""MLflow's loggers, silent while we call it. Light: imports no MLflow."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping


class _Quiet:
    """Silences MLflow's loggers, which report every new table, while any thread is in a call of
    ours, unless the user has set a level."""

    _LEVELS: Mapping[str, int] = {
        "mlflow": logging.WARNING,
        "alembic": logging.WARNING,
        # A locked database: we report it without a traceback, and retry.
        "mlflow.store.db.utils": logging.CRITICAL,
    }

    def __init__(self) -> None:
        self._calls = 0
        self._before: dict[str, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._calls += 1
            if self._calls == 1 and "MLFLOW_LOGGING_LEVEL" not in os.environ:
                self._before = {name: logging.getLogger(name).level for name in self._LEVELS}
                for name, level in self._LEVELS.items():
                    logging.getLogger(name).setLevel(level)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._calls -= 1
            if not self._calls:
                for name, level in self._before.items():
                    logging.getLogger(name).setLevel(level)
                self._before = {}


QUIET = _Quiet()
