"""A sweep's own record, on disk and in MLflow, and the weights that are kept of its trials."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from results.record import SweepRecord, SweepState, TrialRecord
from results.uris import redact
from results.winners import Winner, rank
from sweeps.errors import LaunchError
from sweeps.home import SweepFolder, SweepHome
from sweeps.provenance import sweep_provenance
from sweeps.scribe import Scribe
from sweeps.spec import SweepSpec
from trainables.inputs import Prepared


class Books:
    """What is written of a sweep as a whole; the recorder writes what is written of its trials."""

    def __init__(
        self, spec: SweepSpec, home: SweepHome, folder: SweepFolder, prepared: Prepared | None
    ) -> None:
        self._folder = folder
        self._text = spec.text()
        uri = spec.tracking.uri or home.tracking_uri
        artifacts = None if spec.tracking.uri else home.artifacts.as_uri()
        self.scribe = Scribe(uri, spec.tracking.experiment, artifacts)
        self.sweep = SweepRecord(
            name=spec.name,
            state=SweepState.RUNNING,
            metric=spec.search.metric,
            mode=spec.search.direction,
            budget_trials=spec.trials,
            created=time.time(),
            experiment=spec.tracking.experiment,
            tracking_uri=uri,
            seed=spec.search.seed,
            pid=os.getpid(),
            host=socket.gethostname(),
            provenance=sweep_provenance(
                spec.search.seed,
                prepared.data_fingerprint if prepared else "",
                prepared.model_fingerprint if prepared else "",
            ),
        )

    def open(self) -> None:
        """Begin to write; MLflow opens in the background, while Ray starts."""
        self._folder.write_spec(self._text)
        self.note()
        public = "\n".join(map(redact, self._text.split("\n")))
        self.scribe.start(self.sweep, public)

    def wait_until_open(self) -> None:
        """LaunchError where MLflow refuses."""
        try:
            self.note(run_id=self.scribe.wait_until_open())
        except (OSError, RuntimeError, ValueError) as error:
            raise LaunchError(f"tracking.uri: {error}") from error

    def note(self, **changes: Any) -> None:
        """Change the sweep's record."""
        self.sweep = self.sweep.with_changes(**changes)
        self._folder.store.write_sweep(self.sweep)

    def drop_weights(self, records: Collection[TrialRecord]) -> None:
        """Only the best complete trial's weights are kept; a running trial's may yet win."""
        best = self._winner(records)
        for record in records:
            if record.status.ended and (best is None or record.number != best.record.number):
                shutil.rmtree(self._weights(record), ignore_errors=True)

    def close(
        self, state: SweepState, records: Collection[TrialRecord], error: str | None = None
    ) -> None:
        """Write how the sweep ended, once, and wait until MLflow has it all."""
        if self.sweep.state is not SweepState.RUNNING:
            return
        self.note(state=state, error=error, ended=time.time())
        if self.scribe.parent is None:
            return
        winner = self._winner(records)
        weights = self._weights(winner.record) if winner else None
        text = yaml.safe_dump(dict(winner.record.config), sort_keys=False) if winner else ""
        self.scribe.sweep_ended(self.sweep, winner, weights, text)
        self.scribe.finish()

    def _winner(self, records: Collection[TrialRecord]) -> Winner | None:
        return next(iter(rank(list(records), self.sweep.metric, self.sweep.mode).winners), None)

    def _weights(self, record: TrialRecord) -> Path:
        return self._folder.store.trial_folder(record.number) / "best"
