"""A sweep on shared storage: whether it can be there, and how it comes back from there."""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

from results.record import SweepRecord
from results.uris import holds_secret, redact
from sweeps.claim import Claim
from sweeps.errors import LaunchError, SweepError
from sweeps.home import SweepFolder
from sweeps.mirror import Mirror, bring_down, bring_up
from sweeps.ray_nodes import alive_nodes
from sweeps.spec import SweepSpec
from sweeps.view import View
from trainables.depot import PATIENCE, Depot, stored_inputs
from trainables.errors import StorageError
from trainables.inputs import Inputs
from trainables.remote_folder import RemoteFolder, complaint
from trainables.sealed import NotWholeError

CACHE = "cache"
"""Under the URI: prepared models and data, for nodes that do not see the sweep home."""

WAY_OUT = (
    "is it up, is its name right, and are the credentials in the environment of that machine "
    "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or a role)?"
)


def storage_of(spec: SweepSpec) -> RemoteFolder | None:
    """The storage that the spec names, if any."""
    uri = spec.storage.uri
    return RemoteFolder(str(Path(uri)) if uri.startswith("/") else uri) if uri else None


def sweep_on(storage: RemoteFolder, name: str) -> RemoteFolder:
    """Where a sweep's folder is there."""
    return storage / "sweeps" / name


def mirror_of(spec: SweepSpec, folder: SweepFolder, view: View) -> Mirror | None:
    """What keeps the sweep's folder on the storage that its spec names."""
    storage = storage_of(spec)
    if storage is None:
        return None
    claim = Claim(storage, folder.path)
    return Mirror(folder.path, sweep_on(storage, spec.name), claim, view.phase)


def probe(storage: RemoteFolder) -> str | None:
    """Why nothing can be written there and read back from this machine; None where it can."""
    name, content = f".probe-{uuid.uuid4().hex}", os.urandom(16)
    try:
        storage.write(name, content)
        read = storage.read(name)
        storage.delete(name)
    except OSError as error:
        return redact(str(error))
    return None if read == content else f"{storage}: what was written there reads back otherwise"


def check_storage(spec: SweepSpec) -> None:
    """LaunchError where this machine cannot use the storage that the spec names."""
    storage = storage_of(spec)
    if storage and (why := probe(storage)):
        raise LaunchError(f"storage.uri: {why}; {WAY_OUT}")


def refuse_if_taken(spec: SweepSpec) -> None:
    """SweepError where there is a sweep of that name on the storage; LaunchError as above."""
    storage = storage_of(spec)
    if storage is None:
        return
    check_storage(spec)
    if _record_on(sweep_on(storage, spec.name)):
        raise SweepError(
            f"there is a sweep {spec.name!r} on {storage} already; go on with it by `sweep resume "
            f"{spec.name} --storage URI`, or give this one another name with --name"
        )


def fetch_sweep(uri: str, folder: SweepFolder, view: View) -> None:
    """Bring a sweep into the sweep home; SweepError where it is not on the storage, or runs."""
    if wrong := "holds a password or a token" if holds_secret(uri) else complaint(uri):
        raise SweepError(f"--storage: {redact(uri)} {wrong}")
    name = folder.path.name
    storage = RemoteFolder(uri)
    try:
        if not _record_on(sweep_on(storage, name)):
            raise SweepError(f"no sweep {name!r} on {storage}")
        Claim(storage, folder.path).take(view.phase)
        view.phase(f"Fetching the sweep from {storage}")
        bring_down(sweep_on(storage, name), folder.path)
        folder.spec.chmod(0o600)
        _forget_unasked(folder)
    except (StorageError, NotWholeError) as error:
        raise LaunchError(f"--storage: {redact(str(error))}; {WAY_OUT}") from error


def _forget_unasked(folder: SweepFolder) -> None:
    """Drop the records of trials that Optuna's journal does not know yet.

    A record goes to the storage before the journal, and a head may be lost in between. Such a trial
    has not ended, and is suggested again.
    """
    from optuna.trial import TrialState

    from sweeps.study import open_study

    spec = SweepSpec.load(folder.spec)
    if spec.search.storage is not None:
        return
    study = open_study(spec, folder.journal, folder.store.sweep().created)
    begun = sum(trial.state is not TrialState.WAITING for trial in study.get_trials(deepcopy=False))
    for record in folder.store.trials():
        if record.number >= begun and not record.status.ended:
            shutil.rmtree(folder.store.trial_folder(record.number))


def catch_up(spec: SweepSpec, folder: SweepFolder, earlier: SweepRecord, view: View) -> None:
    """Have the storage know of a sweep what its slots must find there.

    SweepError where the sweep runs elsewhere, or went on there since it was here.
    """
    storage = storage_of(spec)
    if storage is None:
        return
    check_storage(spec)
    Claim(storage, folder.path).take(view.phase)
    remote = sweep_on(storage, spec.name)
    there = _record_on(remote)
    if there is None:
        bring_up(folder.path, remote)
    elif len(there.resumed) > len(earlier.resumed) or there.created != earlier.created:
        raise SweepError(
            f"sweep {spec.name!r} went on elsewhere, or is another one: what is on {storage} is "
            f"newer than {folder.path}; move that folder away, and "
            f"`sweep resume {spec.name} --storage URI`"
        )


def make_depot(spec: SweepSpec, folder: SweepFolder, inputs: Inputs | None) -> Depot | None:
    """What slots are told of the spec's storage, once the inputs are there that they may lack.

    LaunchError where they cannot be put there.
    """
    import ray

    storage = storage_of(spec)
    if storage is None:
        return None
    storage = replace(storage, patience=PATIENCE)
    here = ray.get_runtime_context().get_node_id()
    alone = spec.slots.max is None and len(alive_nodes()) == 1
    try:
        stored = {} if alone or inputs is None else stored_inputs(inputs, storage / CACHE)
    except StorageError as error:
        raise LaunchError(f"storage.uri: {redact(str(error))}; {WAY_OUT}") from error
    return Depot(sweep_on(storage, spec.name), storage / CACHE, folder.path, stored, here)


def _record_on(remote: RemoteFolder) -> SweepRecord | None:
    try:
        return SweepRecord.model_validate_json(remote.read("sweep.json"))
    except FileNotFoundError:
        return None
