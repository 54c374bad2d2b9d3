"""A sweep on shared storage: checks, claim, mirror, and download."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from results.records.record import SweepRecord, SweepState
from results.records.uris import holds_secret, redact
from search_spaces.dotted import at
from search_spaces.problem import UnplacedError
from sweeps.base.breakdowns import Breakdowns
from sweeps.base.errors import LaunchError, SweepError
from sweeps.base.view import View
from sweeps.cluster.ray_nodes import alive_nodes
from sweeps.home.home import SweepFolder
from sweeps.spec.spec import SweepSpec
from sweeps.spec.yaml_file import read_yaml
from sweeps.storage.claim import Claim
from sweeps.storage.mirror import Mirror, bring_down, bring_up
from trainables.core.errors import StorageError
from trainables.slots.slot_storage import PATIENCE, SlotStorage, stored_inputs
from trainables.storage.remote_folder import RemoteFolder, check_address
from trainables.storage.sealed import NotWholeError
from trainables.training.inputs import Inputs

CACHE = "cache"
"""Below the URI: prepared models and data, for nodes without access to the sweep home."""

WAY_OUT = (
    "check that it is up, its name, and the credentials in the environment of that machine "
    "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or a role)"
)


def storage_of(spec: SweepSpec) -> RemoteFolder | None:
    """The storage that the spec names, if any."""
    uri = spec.storage.uri
    return RemoteFolder(str(Path(uri)) if uri.startswith("/") else uri) if uri else None


def sweep_on(storage: RemoteFolder, name: str) -> RemoteFolder:
    """The folder of a sweep on the storage."""
    return storage / "sweeps" / name


@contextmanager
def claimed(
    storage: RemoteFolder | None,
    folder: SweepFolder,
    view: View,
    way_out: str,
    breakdowns: Breakdowns,
) -> Iterator[Claim | None]:
    """Be the only head of a sweep on storage while the block runs.

    SweepError, with the way out, if another head runs it; TakenOverError if one takes over;
    LaunchError if the storage cannot be used.
    """
    with ExitStack() as stack:
        claim = None
        if storage is not None:
            held = Claim(storage, folder.path).held(view.phase, way_out, breakdowns)
            with _reached("storage.uri"):
                claim = stack.enter_context(held)
        yield claim


def renew_claim(claim: Claim | None) -> None:
    """Write a heartbeat immediately; TakenOverError if another head has taken over the sweep,
    LaunchError as above.
    """
    if claim:
        with _reached("storage.uri"):
            claim.renew(at_once=True)


def mirror_of(
    spec: SweepSpec, folder: SweepFolder, claim: Claim | None, view: View, breakdowns: Breakdowns
) -> Mirror | None:
    """The mirror of the sweep's folder on the storage in its spec; None without one."""
    storage = storage_of(spec)
    if storage is None or claim is None:
        return None
    remote = sweep_on(storage, spec.name)
    return Mirror(folder.path, remote, claim, view.say, breakdowns)


def probe(storage: RemoteFolder) -> str | None:
    """Why writing and reading back from this machine fails; None if it works."""
    name, content = f".probe-{uuid.uuid4().hex}", os.urandom(16)
    try:
        storage.write(name, content)
        read = storage.read(name)
        storage.delete(name)
    except OSError as error:
        return redact(str(error))
    return None if read == content else f"{storage}: data read back differs from data written"


def check_storage(spec: SweepSpec) -> None:
    """LaunchError if this machine cannot use the storage in the spec."""
    storage = storage_of(spec)
    if storage and (why := probe(storage)):
        raise LaunchError(f"storage.uri: {why}; {WAY_OUT}")


def refuse_if_taken(spec: SweepSpec) -> None:
    """SweepError if the storage has a sweep of that name; LaunchError as above."""
    storage = storage_of(spec)
    if storage is None:
        return
    check_storage(spec)
    if there := _recorded(storage, spec.name):
        running = there.state is SweepState.RUNNING
        host = there.host or "another head"
        where = f"last seen running on {host}" if running else there.state.value
        raise SweepError(
            f"sweep {spec.name!r} already exists on {storage} ({where}); resume it, if it does not "
            f"run, with `sweep resume {spec.name} --storage URI`, or choose another name with "
            "--name"
        )


def fetch_sweep(uri: str, folder: SweepFolder, view: View) -> None:
    """Download a sweep into the sweep home; SweepError if it is not on the storage or runs."""
    if holds_secret(uri):
        raise SweepError(f"--storage: {redact(uri)} contains a password or token; remove it")
    try:
        check_address(uri)
    except UnplacedError as error:
        raise SweepError(redact(str(error.at("--storage")))) from error
    name, storage = folder.path.name, RemoteFolder(uri)
    with _reached("--storage"):
        if not _recorded(storage, name):
            raise SweepError(f"no sweep {name!r} on {storage}")
        with claimed(storage, folder, view, stop_it(name), Breakdowns(view.say)):
            view.phase(f"Fetching the sweep from {storage}")
            bring_down(sweep_on(storage, name), folder.path, _amended)


def stop_it(name: str) -> str:
    """The way out if a sweep to be resumed here runs elsewhere."""
    return f"stop it there with `sweep stop {name}`"


@contextmanager
def _reached(what: str) -> Iterator[None]:
    """LaunchError if the storage named by `what` cannot be used."""
    try:
        yield
    except (StorageError, NotWholeError) as error:
        raise LaunchError(f"{what}: {redact(str(error))}; {WAY_OUT}") from error


def _amended(draft: Path) -> None:
    folder = SweepFolder(draft)
    folder.spec.chmod(0o600)
    _forget_unasked(folder)


def _forget_unasked(folder: SweepFolder) -> None:
    """Drop the records of trials missing in Optuna's journal.

    Records are uploaded before the journal, and a head may die in between. Such a trial has not
    ended, and is suggested again. Trials of earlier sweeps come first in the journal, and have no
    number here; one that a user asked for begins before others with lower numbers.
    """
    from sweeps.search.study_checks import has_begun
    from sweeps.search.study_storage import open_storage
    from sweeps.search.told import is_told

    if at(read_yaml(folder.spec), "search.storage") is not None:
        return
    storage = open_storage(None, folder.journal)
    trials = [
        trial
        for study in storage.get_all_studies()
        for trial in storage.get_all_trials(study._study_id, deepcopy=False)
    ]
    own = trials[sum(map(is_told, trials)) :]
    begun = {number for number, trial in enumerate(own) if has_begun(trial)}
    for record in folder.store.trials():
        if record.number not in begun and not record.status.ended:
            shutil.rmtree(folder.store.trial_folder(record.number))


def refuse_if_behind(spec: SweepSpec, folder: SweepFolder, earlier: SweepRecord) -> None:
    """SweepError if the sweep has continued elsewhere; LaunchError as above."""
    storage = storage_of(spec)
    if storage is None:
        return
    check_storage(spec)
    there = _recorded(storage, spec.name)
    if there is None or _is_ahead(earlier, there):
        return
    raise SweepError(
        f"sweep {spec.name!r} on {storage} is newer than {folder.path}, or is another sweep; "
        f"move that folder away, then run `sweep resume {spec.name} --storage URI`"
    )


def catch_up(spec: SweepSpec, folder: SweepFolder, earlier: SweepRecord) -> None:
    """Upload the files that slots need if the storage lacks the sweep; SweepError as above."""
    refuse_if_behind(spec, folder, earlier)
    storage = storage_of(spec)
    if storage and not _recorded(storage, spec.name):
        with _reached("storage.uri"):
            bring_up(folder.path, sweep_on(storage, spec.name))


def _is_ahead(here: SweepRecord, there: SweepRecord) -> bool:
    """Whether this side knows everything that happened on the other side."""
    return here.created == there.created and here.resumed[: len(there.resumed)] == there.resumed


def make_slot_storage(
    spec: SweepSpec, folder: SweepFolder, inputs: Inputs | None
) -> SlotStorage | None:
    """The slots' settings for the storage in the spec, after the upload of inputs they may lack.

    LaunchError if the upload fails.
    """
    import ray

    storage = storage_of(spec)
    if storage is None:
        return None
    storage = replace(storage, patience=PATIENCE)
    here = ray.get_runtime_context().get_node_id()
    alone = spec.slots.max is None and len(alive_nodes()) == 1
    with _reached("storage.uri"):
        stored = {} if alone or inputs is None else stored_inputs(inputs, storage / CACHE)
    return SlotStorage(sweep_on(storage, spec.name), storage / CACHE, folder.path, stored, here)


def _recorded(storage: RemoteFolder, name: str) -> SweepRecord | None:
    with _reached("storage.uri"), suppress(FileNotFoundError):
        return SweepRecord.model_validate_json(sweep_on(storage, name).read("sweep.json"))
    return None
