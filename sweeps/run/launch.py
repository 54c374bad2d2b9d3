"""From a checked spec to a finished sweep, at once or after an interruption.

Checks run in order of cost: local ones, then storage, MLflow and Optuna's database (readiness.py),
then model and data, then the sweep's books, and Ray last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from results.mlflow.settings import MLFLOWS_OWN
from results.ranking.winners import Ranking
from results.records.record import Edit, SweepRecord
from sweeps.base.breakdowns import Breakdowns
from sweeps.base.closing import after
from sweeps.base.interruption import interruptible
from sweeps.base.process_state import environment_kept
from sweeps.base.proxies import direct
from sweeps.base.quiet import optuna_quiet
from sweeps.base.view import View
from sweeps.books.books import Books, new_record, resumed_record
from sweeps.books.resumption import changed_spec, refuse_if_changed
from sweeps.caps.earlier_parts import seconds_before
from sweeps.caps.quotes import kept
from sweeps.caps.trained_tokens import refuse_below_one_trial
from sweeps.cluster.head_watch import FOREIGN, OWN, HeadWatch
from sweeps.cluster.ray_session import cluster, head_address
from sweeps.cluster.ray_session import remarks as remarks_on_ray
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.home.launch_folder import where_it_was_launched
from sweeps.inputs.prepare import prepare
from sweeps.inputs.priors import primed
from sweeps.models.earlier import winners
from sweeps.planning.edited import edited
from sweeps.preflight.preflight import Preflight
from sweeps.run.driver.driver import Driver
from sweeps.run.ends import closing, ending, freed_if_empty
from sweeps.run.fitting import edits_for, plan_for, settle_method_here
from sweeps.run.readiness import refuse_if_away, refuse_if_misfit
from sweeps.run.repeats import most_repeats, refuse_to_confirm, share_of_confirmation
from sweeps.run.warm_start import Earlier, read_earlier, take_over
from sweeps.run.what_is_left import is_done, refuse_if_used_up, refuse_late_start
from sweeps.search.priors import with_priors
from sweeps.spec.notes import small_space
from sweeps.spec.settings import ConfirmSettings
from sweeps.spec.spec import SweepSpec
from sweeps.spec.yaml_file import read_yaml
from sweeps.storage.mirror import mirrored
from sweeps.storage.storage import (
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
from sweeps.storage.visibility import check_sight
from sweeps.verdict.ranked import ranked
from trainables.core.progress import Progress
from trainables.training.inputs import Prepared

_CHECKING = "checking the sweep, its storage and MLflow"


@dataclass(frozen=True)
class Finished:
    """The outcome of a sweep."""

    sweep: SweepRecord
    ranking: Ranking
    folder: SweepFolder
    tracking_failures: tuple[str, ...]
    untracked: int


@contextmanager
def _process_kept() -> Iterator[None]:
    """Undo changes of the process by a launch or a resume at its end; ray_session.py does so for
    Ray."""
    with interruptible(), environment_kept(*MLFLOWS_OWN), direct(), optuna_quiet():
        yield


@_process_kept()
def launch(spec: SweepSpec, home: SweepHome, view: View, address: str | None = None) -> Finished:
    """Run the sweep to its end. Mistakes raise SweepError or DataError.

    Ctrl-C ends it early; measurements are kept and its state is `interrupted`. A sweep that ends
    before its first trial leaves its name free.
    """
    folder, progress, began = home.sweep(spec.name), Progress(view.at), time.time()
    folder.refuse_if_taken()
    with progress.phase(_CHECKING):
        earlier = _checked(spec, home, view, address)
    spec, choice = settle_method_here(spec, home.cache, progress, address)
    for line in (*([f"{choice}."] if choice else []), *share_of_confirmation(spec)):
        view.say(line)
    broken = Breakdowns(view.say)
    way_out = "choose another name with --name"
    with claimed(storage_of(spec), folder, view, way_out, broken) as claim:
        refuse_if_taken(spec)  # another head may have just freed the name
        spec, prepared = prepare(spec, home, view)
        refuse_below_one_trial(spec, prepared.inputs if prepared else None)
        renew_claim(claim)
        mirror = mirror_of(spec, folder, claim, view, broken)
        warm, quote = take_over(earlier, spec, prepared), kept(home.cache, spec)
        spec, edits, check = _fitted(spec, prepared, home, view, address)
        record = new_record(spec, prepared, warm, began, quote, edits, choice)
        for line in record.warm_start:
            view.say(f"Warm start: {line}")
        books = Books(spec, home, folder, record, mirror, broken)
        with folder.named(), mirrored(mirror, progress), freed_if_empty(folder, books):
            if earlier:
                folder.store.write_warm_start(warm)
            return _run(spec, folder, prepared, books, check, view, address)


def _checked(spec: SweepSpec, home: SweepHome, view: View, address: str | None) -> list[Earlier]:
    """Check what needs neither model nor data; the sweeps that this one starts from."""
    refuse_if_misfit(spec, address)
    winners(spec.trial, home)  # what is missing of earlier sweeps is said at once
    earlier = read_earlier(spec, home)
    refuse_if_taken(spec)
    refuse_if_away(spec, home, view)
    return earlier


def _fitted(
    spec: SweepSpec, prepared: Prepared | None, home: SweepHome, view: View, address: str | None
) -> tuple[SweepSpec, tuple[Edit, ...], Preflight]:
    """The sweep as it fits its machines, which are checked here as far as they can be, with what
    was edited for that, and with its priors."""
    plan = plan_for(spec, prepared, view, address)
    edits = edits_for(spec, prepared, plan, view, address)
    spec, prior = primed(edited(spec, edits), prepared)
    if prior:
        view.say(prior)
    check = Preflight(spec, prepared, plan, edits, most_repeats(spec))
    check.refuse_here(home.path, view, address)
    return spec, edits, check


@_process_kept()
def resume(
    name: str,
    home: SweepHome,
    view: View,
    overrides: Sequence[str] = (),
    spec: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
) -> Finished:
    """Resume an interrupted or killed sweep, or add trials to one.

    Ended trials are not run again; unfinished ones continue from their last checkpoint. `spec` and
    `overrides` may make changes that keep the trials comparable (see resumption.py). A sweep that
    is not in `home` is fetched from the URI `storage`.
    """
    if storage is not None:
        overrides = (*overrides, f"storage.uri={storage}")
        if not home.sweep(name).path.exists():
            fetch_sweep(storage, home.sweep(name), view)
    folder = home.existing(name)
    given = spec.resolve() if spec else None
    with folder.held():
        earlier = folder.store.sweep()
        with where_it_was_launched(earlier):
            return _resume(folder, earlier, home, view, overrides, given, address)


def confirm(
    name: str,
    home: SweepHome,
    view: View,
    top: int | None = None,
    seeds: int | None = None,
    address: str | None = None,
) -> Finished:
    """Train the `top` best trials of an ended sweep again with `seeds` fresh seeds each.

    By default as many as its file says. Only what is missing is trained. SweepError if the sweep
    runs, or its search has not ended.
    """
    folder = home.existing(name)
    with folder.held():
        refuse_to_confirm(folder, home)
    usual = ConfirmSettings.model_validate(read_yaml(folder.spec).get("confirm") or {})
    wanted = {"confirm.top": top or usual.top, "confirm.seeds": seeds or usual.seeds}
    changes = [f"{name}={number}" for name, number in wanted.items()]
    return resume(name, home, view, changes, None, address)


def _resume(
    folder: SweepFolder,
    earlier: SweepRecord,
    home: SweepHome,
    view: View,
    overrides: Sequence[str],
    spec: Path | None,
    address: str | None,
) -> Finished:
    began, progress = time.time(), Progress(view.at)
    changed, changes = _changed(folder, earlier, view, overrides, spec)
    done = is_done(earlier, folder, changed, changes)
    with progress.phase(_CHECKING):
        _check_again(changed, folder, earlier, home, view, address, done)
    broken, way_out = Breakdowns(view.say), stop_it(folder.path.name)
    with claimed(storage_of(changed), folder, view, way_out, broken) as claim:
        catch_up(changed, folder, earlier)
        mirror = mirror_of(changed, folder, claim, view, broken)
        if done:
            record = earlier.with_changes(changes=(*earlier.changes, *changes))
            with mirrored(mirror, progress):
                books = Books(changed, home, folder, record, mirror, broken)
                return _complete_tracking(books, folder, view)
        changed, prepared = prepare(changed, home, view)
        refuse_if_changed(earlier, prepared)
        renew_claim(claim)
        plan = plan_for(changed, prepared, view, address)
        check = Preflight(changed, prepared, plan, earlier.edits, most_repeats(changed))
        check.refuse_here(home.path, view, address)
        before = seconds_before(earlier, folder.store)
        record = resumed_record(earlier, changed, changes, prepared, began, before)
        with mirrored(mirror, progress):
            books = Books(changed, home, folder, record, mirror, broken)
            return _run(changed, folder, prepared, books, check, view, address)


def _changed(
    folder: SweepFolder,
    earlier: SweepRecord,
    view: View,
    overrides: Sequence[str],
    spec: Path | None,
) -> tuple[SweepSpec, Sequence[str]]:
    """The sweep with the changes of this resume, and these in words; each is said."""
    changed, changes = changed_spec(folder, spec, overrides)
    changed = with_priors(edited(changed, earlier.edits), earlier.priors)
    for change in changes:
        view.say(f"Changed: {change}")
    for note in small_space(changed):
        view.say(f"Note: {note}")
    for line in share_of_confirmation(changed, folder):
        view.say(line)
    return changed, changes


def _check_again(
    spec: SweepSpec,
    folder: SweepFolder,
    earlier: SweepRecord,
    home: SweepHome,
    view: View,
    address: str | None,
    done: bool,
) -> None:
    """Check what needs neither model nor data; of a sweep that is `done` only whether its folder is
    the latest."""
    if not done:
        refuse_if_used_up(earlier, folder, spec)
        refuse_if_misfit(spec, address)
    refuse_if_behind(spec, folder, earlier)
    if not done:
        refuse_if_away(spec, home, view, earlier)


def _complete_tracking(books: Books, folder: SweepFolder, view: View) -> Finished:
    """Add the missing entries of a finished sweep to MLflow."""
    ended = "A cap ended the sweep" if books.sweep.reached else "All trials have ended"
    view.phase(f"{ended}; adding missing entries to MLflow")
    try:
        books.open()
        books.wait_until_open()
        books.catch_up()
        books.finish(Progress(view.at))
    except BaseException as error:
        with after(error):  # or its thread would wait until this process ends
            books.scribe.give_up("it was interrupted")
        raise
    books.note_run_ids()
    return _finished(books, folder)


def _run(
    spec: SweepSpec,
    folder: SweepFolder,
    prepared: Prepared | None,
    books: Books,
    check: Preflight,
    view: View,
    address: str | None,
) -> Finished:
    head = HeadWatch(partial(_without_head, folder), books.breakdowns)
    inputs = prepared.inputs if prepared else None
    driver = Driver(spec, folder, inputs, books, view, head)
    driver.open_study()  # before the books: on its refusal the record stays unchanged
    progress = Progress(view.at)
    with closing(books, folder, progress):
        books.open()
        if books.sweep.resumed:
            books.catch_up()
        if not books.makes_database:
            view.phase("Opening MLflow")
            books.wait_until_open()
        for text in remarks_on_ray(address):
            view.say(f"Note: {text}.")
        refuse_late_start(books.sweep)
        view.phase("Starting Ray")
        # Ray replaces the handlers at its start, so they are set before and after.
        with interruptible(), head, cluster(address) as own, interruptible(), ending(driver):
            head.begin(head_address(), OWN if own else FOREIGN)
            books.wait_until_open()  # else a refusal could cut MLflow's table creation short
            with progress.phase("checking storage access on all nodes"):
                check_sight(folder.path.parents[1], spec)
            with progress.phase("checking one node of each type"):
                check.refuse_nodes(view)
            refuse_late_start(books.sweep)
            driver.run(own)
    return _finished(books, folder)


def _without_head(folder: SweepFolder) -> str:
    """What to say of a sweep whose Ray is gone."""
    name, way = folder.path.name, SweepHome(folder.path.parents[1]).way()
    return (
        "Ray's head process (GCS) no longer answers, so the sweep ends. All results so far are "
        f"saved. To resume: sweep resume {name}{way}"
    )


def _finished(books: Books, folder: SweepFolder) -> Finished:
    ranking = ranked(books.sweep, folder.store.trials())
    return Finished(books.sweep, ranking, folder, tuple(books.scribe.failures), books.scribe.missed)
