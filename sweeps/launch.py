"""From a checked spec to a finished sweep, at once or after an interruption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, chdir, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from results.front import judge
from results.record import SweepRecord, SweepState
from results.winners import Ranking
from sweeps.books import Books, new_record, resumed_record
from sweeps.class_metrics import check_class_metrics
from sweeps.cluster import cluster
from sweeps.driver import Driver
from sweeps.home import SweepFolder, SweepHome
from sweeps.interruption import interruptible
from sweeps.mirror import mirrored
from sweeps.options import check_options
from sweeps.quiet import quiet
from sweeps.resumption import changed_spec, refuse_if_changed
from sweeps.sight import check_sight
from sweeps.spec import SweepSpec
from sweeps.storage import (
    catch_up,
    claimed,
    fetch_sweep,
    mirror_of,
    refuse_if_behind,
    refuse_if_taken,
    renew_claim,
    stop_it,
    storage_of,
)
from sweeps.view import View
from trainables.inputs import Prepared, prepare_inputs


@dataclass(frozen=True)
class Finished:
    """What a sweep came to."""

    sweep: SweepRecord
    ranking: Ranking
    folder: SweepFolder
    tracking_failures: tuple[str, ...]
    untracked: int


@interruptible()
def launch(spec: SweepSpec, home: SweepHome, view: View, address: str | None = None) -> Finished:
    """Run the sweep to its end. A SweepError or a DataError says what is wrong.

    Ctrl-C ends it early; what was measured is kept and its record says `interrupted`. A sweep that
    ends before its first trial leaves its name free.
    """
    folder = home.sweep(spec.name)
    folder.refuse_if_taken()
    check_options(spec)
    refuse_if_taken(spec)
    with claimed(storage_of(spec), folder, view, "give this one another name with --name") as claim:
        refuse_if_taken(spec)  # another head may have had the name until now
        prepared = _prepare(spec, home, view)
        renew_claim(claim)
        mirror = mirror_of(spec, folder, claim, view)
        books = Books(spec, home, folder, new_record(spec, prepared), mirror)
        with folder.named(), mirrored(mirror), _freed_if_empty(folder, books):
            return _run(spec, folder, prepared, books, view, address)


@interruptible()
def resume(
    name: str,
    home: SweepHome,
    view: View,
    overrides: Sequence[str] = (),
    spec: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
) -> Finished:
    """Go on with a sweep that was interrupted, killed or is to have more trials.

    Trials that have ended are not run again; those that were under way go on from their last
    checkpoint. `spec` and `overrides` may change what leaves the trials comparable (see
    resumption.py). A sweep that is not in `home` is taken from the URI `storage`.
    """
    if storage is not None:
        overrides = (*overrides, f"storage.uri={storage}")
        if not home.sweep(name).path.exists():
            fetch_sweep(storage, home.sweep(name), view)
    folder = home.existing(name)
    given = spec.resolve() if spec else None
    with folder.held():
        earlier = folder.store.sweep()
        with _where_it_was_launched(earlier):
            return _resume(folder, earlier, home, view, overrides, given, address)


def _resume(
    folder: SweepFolder,
    earlier: SweepRecord,
    home: SweepHome,
    view: View,
    overrides: Sequence[str],
    spec: Path | None,
    address: str | None,
) -> Finished:
    changed, changes = changed_spec(folder, spec, overrides)
    check_options(changed)
    refuse_if_behind(changed, folder, earlier)
    way_out = stop_it(folder.path.name)
    with claimed(storage_of(changed), folder, view, way_out) as claim:
        catch_up(changed, folder, earlier)
        mirror = mirror_of(changed, folder, claim, view)
        if _is_done(earlier, folder, changed):
            record = earlier.with_changes(changes=(*earlier.changes, *changes))
            with mirrored(mirror):
                books = Books(changed, home, folder, record, mirror)
                return _complete_tracking(books, folder, view)
        prepared = _prepare(changed, home, view)
        refuse_if_changed(earlier, prepared)
        renew_claim(claim)
        record = resumed_record(earlier, changed, changes, prepared)
        with mirrored(mirror):
            books = Books(changed, home, folder, record, mirror)
            return _run(changed, folder, prepared, books, view, address)


def _where_it_was_launched(earlier: SweepRecord) -> AbstractContextManager[None]:
    """Relative paths in a spec lead from the working folder of its launch, if that is still there.

    So it may not be another thread's, too; a resume is a process of its own.
    """
    folder = earlier.folder
    return chdir(folder) if folder and Path(folder).is_dir() else nullcontext()


def _is_done(earlier: SweepRecord, folder: SweepFolder, spec: SweepSpec) -> bool:
    """Whether the sweep came to its end, so that there is nothing to train or to test."""
    if earlier.state not in (SweepState.COMPLETE, SweepState.FAILED):
        return False
    ended = [record for record in folder.store.trials() if record.status.ended]
    return len(ended) >= spec.trials == len(folder.store.trials())


def _complete_tracking(books: Books, folder: SweepFolder, view: View) -> Finished:
    """Bring into MLflow what it missed of a sweep that is over."""
    view.phase("All trials have ended; bringing into MLflow what it missed")
    books.open()
    books.wait_until_open()
    books.catch_up()
    books.finish()
    books.note_run_ids()
    return _finished(books, folder)


def _run(
    spec: SweepSpec,
    folder: SweepFolder,
    prepared: Prepared | None,
    books: Books,
    view: View,
    address: str | None,
) -> Finished:
    driver = Driver(spec, folder, prepared.inputs if prepared else None, books, view)
    with _closing(books, folder):
        books.open()
        if books.sweep.resumed:
            books.catch_up()
        view.phase("Starting Ray")
        # Ray takes the handlers for itself where it starts, so they are set before and after.
        with interruptible(), cluster(address) as own, interruptible(), _ending(driver, folder):
            books.wait_until_open()  # a refusal would end the process while MLflow makes tables
            check_sight(folder.path.parents[1], spec)
            driver.run(own)
    return _finished(books, folder)


def _finished(books: Books, folder: SweepFolder) -> Finished:
    ranking = judge(folder.store.trials(), books.sweep.goals)
    return Finished(books.sweep, ranking, folder, tuple(books.scribe.failures), books.scribe.missed)


def _prepare(spec: SweepSpec, home: SweepHome, view: View) -> Prepared | None:
    if spec.trial.objective == "toy":
        return None
    view.phase("Preparing model and data")
    with quiet():
        prepared = prepare_inputs(spec.trial, home.cache)
    check_class_metrics(spec, prepared)
    view.phase(prepared.description)
    return prepared


@contextmanager
def _freed_if_empty(folder: SweepFolder, books: Books) -> Iterator[None]:
    """A name that came to nothing can be used again at once."""
    try:
        yield
    except BaseException:
        if not folder.store.trials():
            books.free()
        raise


@contextmanager
def _closing(books: Books, folder: SweepFolder) -> Iterator[None]:
    """The sweep's books are closed also where there is no driver yet that could close them."""
    try:
        yield
    except BaseException as error:
        by_hand = isinstance(error, KeyboardInterrupt)
        state = SweepState.INTERRUPTED if by_hand else SweepState.FAILED
        with suppress(OSError):  # where the disk is full the books say no more than they do
            books.close(state, folder.store.trials(), None if by_hand else str(error))
        raise


@contextmanager
def _ending(driver: Driver, folder: SweepFolder) -> Iterator[None]:
    """However the run ends, the books of its trials and its own are closed."""
    try:
        yield
    except KeyboardInterrupt:
        driver.end(SweepState.INTERRUPTED)
        if not driver.records():
            raise
    except OSError as error:
        error.filename = error.filename or str(folder.path)  # Optuna's journal does not say
        with suppress(OSError):  # where the disk is full the books say no more than they do
            driver.end(SweepState.FAILED, str(error))
        raise
    except BaseException as error:
        driver.end(SweepState.FAILED, str(error))
        raise
    else:
        driver.end(SweepState.COMPLETE)
