"""The sweep home: all files of a user's sweeps on disk."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from results.records.record_error import RecordError
from sweeps.base.errors import SweepError
from sweeps.home.sweep_lock import SweepLock

if TYPE_CHECKING:
    from results.records.record import SweepRecord, TrialRecord
    from results.records.request_store import RequestStore
    from results.records.store import RecordStore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

FROM_AFAR = "SWEEP_FROM_AFAR"
"""Environment variable of a command that runs as a cluster's job: the options with which its user
reaches the cluster, such as ` --cluster cluster.yaml`."""

_BEFORE_BOOKS = ("lock", ".claim", "sweep.yaml", "warm_start.json")
"""Files in a sweep's folder that may exist before its record."""

NAMES_ARE = "use at most 64 letters, digits, '.', '_' and '-', starting with a letter or digit"


def is_from_afar() -> bool:
    """Whether this command runs as a cluster's job for a user at another machine."""
    return FROM_AFAR in os.environ


def is_name(name: object) -> bool:
    """Whether this is a valid sweep name: the name of a single folder, not a path."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class SweepHome:
    """The folder with all sweeps, caches and the default MLflow database."""

    path: Path

    @classmethod
    def find(cls, given: Path | None = None) -> SweepHome:
        """`given` (--home), else $SWEEP_HOME, else ./.winnow; absolute, for workers elsewhere.

        SweepError if the path is not valid.
        """
        path = given or Path(os.environ.get("SWEEP_HOME") or ".winnow")
        try:
            return cls(path.expanduser().resolve())
        except (OSError, RuntimeError, ValueError) as error:  # unknown user, a loop of links, NUL
            raise SweepError(
                f"sweep home {str(path)!r} is not a valid path ({error}); set --home or SWEEP_HOME"
            ) from error

    def option(self) -> str:
        """The option that selects this home: ` --home PATH`, or nothing."""
        with suppress(SweepError):  # SWEEP_HOME is not a path
            if self == SweepHome.find():
                return ""
        return f" --home {shlex.quote(str(self.path))}"

    def way(self) -> str:
        """The options that select this home: option(), or the cluster's for a remote user."""
        return os.environ.get(FROM_AFAR, self.option())

    @property
    def tracking_uri(self) -> str:
        """The default MLflow database."""
        return f"sqlite:///{self.path / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Artifacts of the default MLflow database."""
        return self.path / "mlartifacts"

    @property
    def cache(self) -> Path:
        """Tokenised data and the built-in model: can be deleted at any time between sweeps."""
        return self.path / "cache"

    def sweep(self, name: str) -> SweepFolder:
        """The folder of one sweep, which need not exist; SweepError if the name is not valid."""
        if not is_name(name):
            raise SweepError(f"{name!r} is not a valid sweep name; {NAMES_ARE}")
        return SweepFolder(self.path / "sweeps" / name)

    def existing(self, name: str) -> SweepFolder:
        """The folder of a launched sweep; SweepError lists the existing ones."""
        folder = self.sweep(name)
        if not folder.books.exists():
            known = ", ".join(each.path.name for each in self.sweeps())
            if not known:
                raise SweepError(f"no sweep {name!r}. {self.emptiness()}")
            raise SweepError(f"no sweep {name!r} in {self.path}; sweeps there: {known}")
        return folder

    def emptiness(self) -> str:
        """Why there are no sweeps to list."""
        if self.path.is_dir():
            return f"No sweeps in {self.path} yet."
        return f"There is no sweep home {self.path}; set --home or SWEEP_HOME, or launch a sweep."

    def sweeps(self) -> list[SweepFolder]:
        """All sweeps, by name."""
        folders = sorted((self.path / "sweeps").glob("[!.]*/sweep.json"))
        return [SweepFolder(file.parent) for file in folders]


@dataclass(frozen=True)
class SweepFolder:
    """One sweep's folder: its books, its Optuna journal, its trials' files."""

    path: Path

    @cached_property
    def store(self) -> RecordStore:
        """The sweep's records."""
        from results.records.store import RecordStore

        return RecordStore(self.path)

    @cached_property
    def confirmations(self) -> RecordStore:
        """The records of confirmations: the best trials, trained again with fresh seeds."""
        from results.records.store import RecordStore

        return RecordStore(self.path, "confirmations")

    @property
    def requests(self) -> RequestStore:
        """The users' requests for its trials."""
        from results.records.request_store import RequestStore

        return RequestStore(self.path)

    @property
    def books(self) -> Path:
        """The file that makes a folder a sweep."""
        return self.path / "sweep.json"

    @property
    def spec(self) -> Path:
        """The launched spec."""
        return self.path / "sweep.yaml"

    @property
    def journal(self) -> Path:
        """Optuna's study."""
        return self.path / "optuna.journal"

    @property
    def report(self) -> Path:
        """The report, written at the sweep's end."""
        return self.path / "report.html"

    @property
    def base(self) -> Path:
        """The base model's losses by sequence."""
        return self.path / "base"

    @property
    def forks(self) -> Path:
        """The states at which trials part that begin alike."""
        return self.path / "forks"

    @property
    def ray(self) -> Path:
        """Ray's own files about its runs."""
        return self.path / "ray"

    def size(self) -> int:
        """Bytes of all its files."""
        found = os.walk(self.path)  # unlike rglob, it bears folders that a running sweep deletes
        return sum(_size(Path(folder) / name) for folder, _, names in found for name in names)

    def sweep_record(self) -> SweepRecord:
        """The sweep's record; interrupted if it says running but no process holds the sweep."""
        from results.records.record import SweepState

        record = self.store.sweep()
        if record.state is SweepState.RUNNING and not self._lock.is_held():
            record = self.store.sweep()  # it may have ended since: its state precedes its lock
            if record.state is SweepState.RUNNING:
                return record.with_changes(state=SweepState.INTERRUPTED)
        return record

    def trials(self) -> list[TrialRecord]:
        """All trials' records; none is running once the sweep's process is gone."""
        return self._at_rest(self.store)

    def repeats(self) -> list[TrialRecord]:
        """The records of all repeats with fresh seeds, as `trials`."""
        return self._at_rest(self.confirmations)

    def _at_rest(self, store: RecordStore) -> list[TrialRecord]:
        from results.records.record import SweepState

        records = store.trials()
        if not records or self.sweep_record().state is SweepState.RUNNING:
            return records
        # Read again: those that ended before the sweep did were maybe running at the first look.
        return [record.laid_aside() for record in store.trials()]

    def refuse_if_taken(self, alone: bool = False) -> None:
        """SweepError if the name is taken, before any work is done. `alone`: this process is known
        to be the only one with the name.
        """
        if self.books.exists():
            raise self._taken(not alone and self._lock.is_held())
        if self.path.is_symlink() or not all(map(_is_left_over, _within(self.path))):
            raise SweepError(
                f"{self.path} already exists and is not a sweep; choose another name with --name, "
                "or move it away"
            )

    def write_spec(self, text: str) -> None:
        """Write the spec, readable by its owner only, since options may hold secrets."""
        with self.spec.open("w", encoding="utf-8") as file:
            self.spec.chmod(0o600)
            file.write(text)

    def holder(self) -> tuple[int, str] | None:
        """Process and machine that run this sweep; None if none does."""
        return self._lock.holder()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the sweep for this process; SweepError if another process runs it."""
        with self._lock.taken() as alone:
            if not alone:
                what, ways = self._while_held()
                raise SweepError(f"sweep {self.path.name!r} {what}; {ways}")
            yield

    @contextmanager
    def named(self) -> Iterator[None]:
        """Take the name and hold the sweep for this process. Of two simultaneous launches, one gets
        SweepError; leftovers of a launch killed before its start are taken over.
        """
        self.take_name()
        with self._lock.taken() as alone:
            if not alone:
                raise self._taken(held=True)
            self.refuse_if_taken(alone)  # the other one may be over already
            yield

    def is_empty(self) -> bool:
        """Whether the folder that this process holds is there, with its lock, and has no trial.

        On a lost disk it is not; there may be another one, made by a record written since then.
        """
        return not self.store.trials() and self._lock.path.is_file()

    def free(self) -> None:
        """Free the name and delete its folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def take_name(self) -> None:
        """Create the folder; SweepError if the name is taken."""
        self.refuse_if_taken()
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def _lock(self) -> SweepLock:
        return SweepLock(self.path / "lock")

    def _taken(self, held: bool) -> SweepError:
        ways = f"it {': '.join(self._while_held())}" if held else self._when_it_is_over()
        return SweepError(
            f"sweep {self.path.name!r} already exists; {ways}; or choose another name with --name"
        )

    def _while_held(self) -> tuple[str, str]:
        """What another process does with it, and the ways out. Not only who runs a sweep holds it:
        an export does, too, and a resume that has not begun."""
        if self._is_at_rest():
            pid, host = self.holder() or (None, None)
            by = f" (process {pid} on {host})" if pid else ""
            return f"is in use by another command{by}", "wait for its end"
        status, stop = map(self.command, ("status", "stop"))
        return "is running", f"`{status}` shows its progress, `{stop}` stops it"

    def _is_at_rest(self) -> bool:
        """Whether its record is there and says so."""
        from results.records.record import SweepState

        try:
            return self.store.sweep().state is not SweepState.RUNNING
        except RecordError:
            return False

    def _when_it_is_over(self) -> str:
        """The ways out after its end; never the deletion of its folder, which holds results."""
        from results.records.record import SweepState

        try:
            state = self.store.sweep().state
        except RecordError as error:
            return f"its record cannot be read ({error})"
        winners, resume = map(self.command, ("winners", "resume"))
        if state is SweepState.COMPLETE:
            more = f"{resume} --set budget.trials=+8"
            return f"it is complete: `{winners}` shows its results, `{more}` adds trials"
        state = SweepState.INTERRUPTED if state is SweepState.RUNNING else state  # it was killed
        return f"it is {state}: `{resume}` resumes it, `{winners}` shows its results"

    def command(self, verb: str) -> str:
        """`sweep VERB NAME`, with the options that select its home."""
        return f"sweep {verb} {self.path.name}{SweepHome(self.path.parents[1]).way()}"


def _within(folder: Path) -> list[Path]:
    """The folder's content; the file itself if it is not a folder."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        return [folder]


def _is_left_over(file: Path) -> bool:
    """Whether it may be left by a launch killed before its books exist."""
    return file.name in _BEFORE_BOOKS or file.name.startswith((".sweep.json.", ".warm_start."))


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0  # just deleted by a running sweep
