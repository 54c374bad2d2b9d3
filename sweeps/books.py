"""A sweep's own record, on disk and in MLflow, and the weights that are kept of its trials."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from results.front import judge
from results.record import SweepRecord, SweepState, TrialRecord
from results.uris import redact
from sweeps.errors import LaunchError
from sweeps.home import SweepFolder, SweepHome
from sweeps.provenance import sweep_provenance
from sweeps.scribe import Scribe
from sweeps.spec import SweepSpec
from trainables.board import WEIGHTS
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
            other_metrics=dict(list(spec.search.goals.items())[1:]),
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
        """Only the winner's weights are kept, or the front's; a running trial's may yet win."""
        kept = {winner.record.number for winner in judge(list(records), self.sweep.goals).chosen}
        for record in records:
            if record.status.ended and record.number not in kept:
                shutil.rmtree(self._weights(record.number), ignore_errors=True)

    def close(
        self, state: SweepState, records: Collection[TrialRecord], error: str | None = None
    ) -> None:
        """Write how the sweep ended, once, and wait until MLflow has it all."""
        if self.sweep.state is not SweepState.RUNNING:
            return
        self.note(state=state, error=error, ended=time.time())
        if self.scribe.parent is None:
            return
        ranking = judge(list(records), self.sweep.goals)
        self.scribe.sweep_ended(self.sweep, ranking, self._weights)
        self.scribe.finish()

    def _weights(self, number: int) -> Path:
        return self._folder.store.trial_folder(number) / WEIGHTS
