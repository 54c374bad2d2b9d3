"""A sweep's own record, on disk and in MLflow, and the kept weights of its trials."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from results.records.method_choice import MethodChoice
from results.records.record import Edit, Overlap, SweepRecord, SweepState, TrialRecord
from results.records.uris import redact, sqlite_file
from results.records.warm_start import WarmStart
from sweeps.base.breakdowns import Breakdowns
from sweeps.base.closing import try_all
from sweeps.base.errors import LaunchError
from sweeps.books.fork_files import ForkFiles
from sweeps.books.mlflow_writer import Scribe
from sweeps.books.repeat_files import RepeatFiles
from sweeps.books.trial_files import TrialFiles
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.home.provenance import sweep_provenance
from sweeps.spec.spec import SweepSpec
from sweeps.spec.tracking_place import tracking_place
from sweeps.storage.mirror import Mirror
from sweeps.verdict.conclusion import conclusion
from sweeps.verdict.confirmed import folder_of, means_of, repeat_to_use
from sweeps.verdict.results import Results
from trainables.board.job import WEIGHTS
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.training.inputs import Prepared
from trainables.training.scoring.files import fingerprints


def new_record(
    spec: SweepSpec,
    prepared: Prepared | None,
    warm: WarmStart | None = None,
    began: float | None = None,
    quote: Mapping[str, float] | None = None,
    edits: tuple[Edit, ...] = (),
    choice: MethodChoice | None = None,
) -> SweepRecord:
    """The record of a new sweep, which `began` at this time (None: now), with its dry run's
    quote, the edits of its search and the choice of its method."""
    return SweepRecord(
        name=spec.name,
        state=SweepState.RUNNING,
        metric=spec.search.metric,
        mode=spec.search.direction,
        other_metrics=dict(list(spec.search.goals.items())[1:]),
        budget_trials=spec.budget_trials,
        asked_trials=spec.asked_trials if spec.exhausts_space else None,
        caps=spec.caps.limits,
        quote=dict(quote or {}),
        edits=edits,
        method_choice=choice.model_dump(mode="json") if choice else {},
        created=time.time() if began is None else began,
        seed=spec.search.seed,
        pid=os.getpid(),
        host=socket.gethostname(),
        folder=str(Path.cwd()),
        overlaps=_overlaps(prepared),
        rows_left_out=_left_out(prepared),
        rows_adjusted=_adjusted(prepared),
        warm_start=tuple(map(str, warm.sweeps)) if warm else (),
        priors=spec.priors,
        provenance=sweep_provenance(
            spec.search.seed,
            prepared.data_fingerprint if prepared else "",
            prepared.model_fingerprint if prepared else "",
            fingerprints(prepared.inputs.metric_files) if prepared else {},
            prepared.winners if prepared else {},
        ),
    )


def resumed_record(
    earlier: SweepRecord,
    spec: SweepSpec,
    changes: Sequence[str],
    prepared: Prepared | None = None,
    began: float | None = None,
    seconds_before: float = 0.0,
) -> SweepRecord:
    """The record of a sweep resumed at the time `began` (None: now), with the changes to its spec.

    `seconds_before` are those of all its parts so far.
    """
    return earlier.with_changes(
        state=SweepState.RUNNING,
        error=None,
        ended=None,
        budget_trials=spec.budget_trials,
        asked_trials=spec.asked_trials if spec.exhausts_space else None,
        caps=spec.caps.limits,
        reached=None,
        seconds_before=seconds_before,
        resumed=(*earlier.resumed, time.time() if began is None else began),
        changes=(*earlier.changes, *changes),
        overlaps=earlier.overlaps or _overlaps(prepared),
        rows_left_out=earlier.rows_left_out or _left_out(prepared),
        rows_adjusted=earlier.rows_adjusted or _adjusted(prepared),
        pid=os.getpid(),
        host=socket.gethostname(),
    )


def _overlaps(prepared: Prepared | None) -> dict[str, Overlap]:
    found = prepared.summary.overlaps if prepared else {}
    return {name: Overlap(shared=each.shared, records=each.records) for name, each in found.items()}


def _left_out(prepared: Prepared | None) -> dict[str, int]:
    return prepared.summary.dropped if prepared else {}


def _adjusted(prepared: Prepared | None) -> dict[str, int]:
    return prepared.summary.adjusted if prepared else {}


class Books:
    """Writes the records of the sweep as a whole; the recorder writes those of its trials.

    `makes_database`: MLflow opens with a new SQLite database, which takes long and rarely fails.
    """

    def __init__(
        self,
        spec: SweepSpec,
        home: SweepHome,
        folder: SweepFolder,
        sweep: SweepRecord,
        mirror: Mirror | None = None,
        breakdowns: Breakdowns | None = None,
    ) -> None:
        self.breakdowns = breakdowns or Breakdowns()
        self._folder = folder
        self._mirror = mirror
        self._text = spec.text()
        earlier = sweep if sweep.tracking_uri is not None else None
        self._place = place = tracking_place(spec.tracking, home, earlier)
        self.makes_database = False
        artifacts = None if place.keeps_artifacts else home.artifacts.as_uri()
        self.scribe = Scribe(place.uri, place.experiment, artifacts, self.breakdowns)
        self.sweep = sweep.with_changes(
            tracking_uri=place.uri, tracking_source=place.source, experiment=place.experiment
        )
        self._earlier = sweep.breakdowns
        self._files = TrialFiles(folder, sweep.goals, spec.slots.keep_best, mirror)
        self._fork_files = ForkFiles(folder)
        self._repeat_files = RepeatFiles(folder, sweep.goals, mirror)

    def open(self) -> None:
        """Start or continue writing; MLflow opens in the background, while Ray starts."""
        self._folder.write_spec(self._text)
        self.note()
        database = sqlite_file(self._place.uri)
        self.makes_database = database is not None and not database.exists()
        public = "\n".join(map(redact, self._text.split("\n")))
        self.scribe.start(self.sweep, public)

    def catch_up(self) -> None:
        """Add missing entries from earlier parts of the sweep to MLflow."""
        results = Results(self._folder, self.sweep, self._folder.store.trials())
        both = [*results.trials, *self._folder.confirmations.trials()]
        self.scribe.catch_up(both, results.ranking, self._weights)
        if self.sweep.state.ended:
            self._tell_verdict(results)

    def wait_until_open(self) -> None:
        """LaunchError if MLflow fails to open."""
        try:
            self.note(run_id=self.scribe.wait_until_open())
        except (OSError, RuntimeError, ValueError) as error:
            raise LaunchError(f"{self._place.blamed}: {error}") from error

    def note(self, **changes: object) -> None:
        """Change the sweep's record."""
        broken = (*self._earlier, *self.breakdowns.texts)
        self.sweep = self.sweep.with_changes(**changes, breakdowns=broken)
        self._folder.store.write_sweep(self.sweep)
        if self._mirror and "base" in changes:
            self._mirror.fetch(self._folder.base.name)

    def note_breakdowns(self) -> None:
        """Record the breakdowns since the sweep's record was last written."""
        if len(self.sweep.breakdowns) < len(self._earlier) + len(self.breakdowns.texts):
            self.note()

    def note_run_ids(self) -> None:
        """Record the MLflow runs of all trials, once the scribe has made or found them, also in a
        report that was written before."""
        found = False
        for store in (self._folder.store, self._folder.confirmations):
            for record in store.trials():
                run_id = self.scribe.run_ids.get(record.key, record.run_id)
                if run_id != record.run_id:
                    store.write_trial(record.with_changes(run_id=run_id))
                    found = True
        if found and self._folder.report.exists():
            self._write_report()

    def free(self) -> None:
        """Free the sweep's name and delete its folder, here and on the storage."""
        self._folder.free()
        if self._mirror:
            self._mirror.forget()

    def drop_files(self, records: Collection[TrialRecord], settled: bool = False) -> None:
        """Delete files no longer needed of these trials, and of trials that they have beaten.

        A sweep's first call needs all records. `settled`: no slot trains. Does nothing once another
        head runs the sweep.
        """
        if not self.taken_over():
            self._files.drop(records, settled)
            self._fork_files.drop(records)

    def drop_repeats(self, records: Sequence[TrialRecord], untested: Collection[int]) -> None:
        """Delete files no longer needed of confirmations; `untested` ones keep their weights."""
        if not self.taken_over():
            self._repeat_files.drop(records, untested)

    def taken_over(self) -> bool:
        """Whether another head has taken over this sweep and writes its records."""
        return self._mirror is not None and self._mirror.claim.taken_over is not None

    def refuse_if_taken_over(self) -> None:
        """TakenOverError if another head has taken over this sweep."""
        if self._mirror and self._mirror.claim.taken_over:
            raise self._mirror.claim.taken_over

    def close(
        self,
        state: SweepState,
        records: Collection[TrialRecord],
        error: str | None = None,
        progress: Progress = NO_PROGRESS,
    ) -> None:
        """Write the sweep's outcome, once, and wait until MLflow has everything, or for Ctrl-C.

        MLflow gets it even if the disk is full.
        """
        if self.sweep.state is not SweepState.RUNNING:
            return
        try_all(
            lambda: self.note(state=state, error=error, ended=time.time()),
            self._write_report,
            lambda: self._tell_mlflow(records, progress),
            self.note_breakdowns,
        )

    def _write_report(self) -> None:
        """Write the report beside the records. Its failure is noted, not raised; not even noted if
        it is what has ended the sweep, such as a full disk."""
        if self.taken_over():
            return
        from sweeps.page.page import write

        try:
            write(self._folder)
        except Exception as error:  # noqa: BLE001 - a picture of the results must not cost them
            obstacle = error.strerror if isinstance(error, OSError) else None
            if obstacle and obstacle in (self.sweep.error or ""):
                return
            way_out = f"sweep report {self.sweep.name} writes it from the records"
            reason = f"{type(error).__name__}: {error}"
            self.breakdowns(f"The report could not be written ({reason}); {way_out}")

    def _tell_mlflow(self, records: Collection[TrialRecord], progress: Progress) -> None:
        if self.taken_over():
            return
        with self._until_ctrl_c():
            if self.scribe.opens():
                results = Results(self._folder, self.sweep, list(records))
                self.scribe.sweep_ended(self.sweep, results.ranking, self._weights)
                self._tell_verdict(results)
                self.scribe.finish(progress)

    def _tell_verdict(self, results: Results) -> None:
        words = "\n\n".join(filter(None, conclusion(results)))
        self.scribe.verdict(words, self._folder.report)
        found = results.confirmed
        if found is not None:
            number = found.winner.number
            repeat = repeat_to_use(self.sweep, self._folder, number)
            place = folder_of(self._folder, repeat or found.winner.record) / WEIGHTS
            self.scribe.confirmed(number, means_of(found), repeat, place)

    def finish(self, progress: Progress = NO_PROGRESS) -> None:
        """Wait until MLflow has everything, or for Ctrl-C."""
        with self._until_ctrl_c():
            self.scribe.finish(progress)
        self.note_breakdowns()

    @contextmanager
    def _until_ctrl_c(self) -> Iterator[None]:
        """Ctrl-C ends only the wait, since the sweep itself has ended."""
        try:
            yield
        except KeyboardInterrupt:
            self.scribe.give_up("Ctrl-C ended the wait")

    def _weights(self, number: int) -> Path:
        weights = self._folder.store.trial_folder(number) / WEIGHTS
        if self._mirror:
            self._mirror.bring(self._name(weights))
        return weights

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._folder.path))
