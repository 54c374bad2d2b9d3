"""Checks of the requirements of a sweep before it costs anything."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from rich.filesize import decimal

from results.mlflow.tracking_error import TrackingError
from results.records.uris import redact, sqlite_file
from sweeps.base.errors import CapacityError, LaunchError, SweepError
from sweeps.base.proxies import direct, host_of
from sweeps.doctor.cluster_checks import check_cluster_file, check_growth
from sweeps.doctor.inputs import check_inputs
from sweeps.doctor.judges import check_judges
from sweeps.doctor.precision import check_precision
from sweeps.doctor.surroundings import check_locks, check_proxies, check_ray_folder
from sweeps.home.home import SweepHome
from sweeps.preflight.finding import Finding, from_problem, note, ok, wrong
from sweeps.preflight.machines import check_here
from sweeps.preflight.needs import hub_model, needs_of
from sweeps.preflight.preflight import Preflight
from sweeps.preflight.prices import check_prices, unknown_types
from sweeps.remote.cluster_file import ClusterFile
from sweeps.run.repeats import most_repeats
from sweeps.spec.spec import SpecError, SweepSpec
from sweeps.spec.tracking_place import URI, tracking_place
from sweeps.storage.storage import WAY_OUT, probe, storage_of
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.storage.remote_folder import RemoteFolder

PACKAGE = "winnow-sweeps"

LEAST_ROOM = 2 * 10**9
"""Minimum bytes for a sweep home: journal, MLflow, a checkpoint or two."""

SOME_ROOM = 20 * 10**9
"""Bytes below which full fine-tuning of a model of a few billion parameters may run out of disk."""


def examine(
    spec: Path | None,
    cluster: Path | None,
    address: str | None,
    home: SweepHome,
    overrides: Sequence[str] = (),
    progress: Progress = NO_PROGRESS,
) -> list[Finding]:
    """All findings about this machine and the given files and clusters. Changes nothing, except
    for a Ray task on each node of a running cluster, a temporary file in a shared home or storage,
    and Optuna's tables in an empty database.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    with direct([host_of(address)] if address else ()):
        return _examine(spec, cluster, address, home, overrides, progress)


def _examine(
    spec: Path | None,
    cluster: Path | None,
    address: str | None,
    home: SweepHome,
    overrides: Sequence[str],
    progress: Progress,
) -> list[Finding]:
    elsewhere = bool(cluster or address)
    sweep, findings = _spec(spec, overrides, elsewhere)
    findings = [*check_versions(), check_disk(home.path), *check_locks(home.path), *findings]
    findings += [*([] if elsewhere else [check_ray_folder()]), *check_proxies()]
    findings += check_gpus(None if elsewhere else sweep)
    if not elsewhere:
        findings += check_precision(sweep)
    if sweep is not None:
        with progress.phase("checking MLflow, Optuna's database, the storage and judges"):
            findings.append(_tracking(sweep, home, elsewhere))
            findings.append(check_study(sweep.search.storage))
            if not elsewhere and (storage := storage_of(sweep)):
                findings.append(check_shared(storage))
            if not elsewhere:
                findings += check_judges(sweep)
        if not elsewhere:
            findings += _preflight(sweep, home, progress)
    if cluster is not None:
        findings += _cluster_file(cluster, sweep)
    if address:
        from sweeps.doctor.cluster import check_ray

        with progress.phase("checking the cluster's nodes"):
            findings += check_ray(address, home.path, sweep)
    return findings


def _preflight(sweep: SweepSpec, home: SweepHome, progress: Progress) -> list[Finding]:
    """What a launch checks before its first trial, without the memory of GPUs planned."""
    prepared, findings = check_inputs(sweep, home, progress)
    if prepared is None:
        return [*findings, *check_here(needs_of(sweep, hub_model(sweep)), _gpus_here())]
    check = Preflight(sweep, prepared, None, (), most_repeats(sweep))
    try:
        with progress.phase("checking memory and disk"):
            return [*findings, *check.findings_here(home.path, None)]
    except CapacityError as error:
        return [*findings, wrong("slots", str(error))]


def check_versions() -> list[Finding]:
    """Python and the installed packages, against this package's version ranges."""
    try:
        ours = distribution(PACKAGE)
    except PackageNotFoundError:
        message = f"{PACKAGE} is not installed, so its version ranges are unknown"
        return [note("packages", message, "pip install -c constraints.txt -e .")]
    return [
        check_python(platform.python_version(), ours.metadata["Requires-Python"]),
        *check_packages(ours.requires or (), _installed),
    ]


def check_python(found: str, wanted: str) -> Finding:
    """A version of Python against a range such as ">=3.11"."""
    from packaging.specifiers import SpecifierSet

    if SpecifierSet(wanted).contains(found, prereleases=True):
        return ok("python", found)
    return wrong("python", f"must be {wanted}, got {found}", "create a virtual environment with it")


def check_packages(
    requirements: Iterable[str], installed: Callable[[str], str | None]
) -> Iterator[Finding]:
    """Installed versions against requirements such as "torch>=2.10"; extras are left out."""
    from packaging.requirements import Requirement

    count = bad = 0
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        found = installed(requirement.name)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            bad += 1
            message = f"{requirement.name} {found or 'is not installed'}"
            remedy = f"pip install -c constraints.txt '{requirement}'"
            yield wrong("packages", f"{message}, required: {requirement.specifier}", remedy)
    if not bad:
        yield ok("packages", f"all {count} packages are within their version ranges")


def check_disk(home: Path, free: Callable[[Path], int] | None = None) -> Finding:
    """Disk space for the sweep home."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        return wrong("disk", f"{there} is not writable", "set SWEEP_HOME or --home")
    room = free(there) if free else shutil.disk_usage(there).free
    message = f"{decimal(room)} free for the sweep home {home}"
    if room < LEAST_ROOM:
        return wrong("disk", message, "set SWEEP_HOME or --home to a larger disk")
    if room < SOME_ROOM:
        return note("disk", message, "weights and checkpoints of larger models need more")
    return ok("disk", message)


def _gpus_here() -> int:
    """The GPUs that trials may use on this machine."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def check_gpus(spec: SweepSpec | None) -> Iterator[Finding]:
    """This machine's GPUs as seen by torch, against the slots in the spec."""
    import torch

    count = _gpus_here()
    for number in range(count):
        card = torch.cuda.get_device_properties(number)
        yield ok("gpu", f"{card.name}, {decimal(card.total_memory)}")
    wanted = spec.slots.gpus if spec else "auto"
    if count:
        return
    driver = Path("/proc/driver/nvidia/version").exists()
    build = f"torch {torch.__version__} is built for CUDA {torch.version.cuda}"
    if driver and not os.environ.get("CUDA_VISIBLE_DEVICES", "all"):
        yield note("gpu", "CUDA_VISIBLE_DEVICES hides this machine's GPUs", "unset it")
    elif driver:
        message = f"torch sees no GPU, although this machine has an NVIDIA driver; {build}"
        yield wrong("gpu", message, "install a build of torch that the driver supports")
    elif wanted != "auto" and wanted > 0:
        remedy = "choose a cluster with --cluster or --address, or set slots.gpus: 0"
        yield wrong("gpu", f"slots.gpus is {wanted:g}, but this machine has none", remedy)
    else:
        yield note("gpu", "no GPU on this machine; trials run on the CPU")


def _tracking(sweep: SweepSpec, home: SweepHome, elsewhere: bool) -> Finding:
    try:
        # A cluster does not see the variables of this machine.
        place = tracking_place(sweep.tracking, home, environment={} if elsewhere else os.environ)
    except LaunchError as error:
        return wrong("mlflow", str(error))
    finding = check_tracking(place.uri if place.source else None)
    if place.source == URI:
        return replace(finding, message=f"{finding.message} (from {URI})")
    return finding


def check_tracking(uri: str | None) -> Finding:
    """Whether the MLflow server at the address answers; reads only. None: the sweep home's own."""
    if uri is None:
        return ok("mlflow", "a database in the sweep home")
    database = sqlite_file(uri)
    if database is not None and not database.exists():
        return _new_database(database)
    from results.mlflow.runs import MlflowRuns, reported

    try:
        with reported(uri, "list the experiments"):
            MlflowRuns(uri).experiments()
    except TrackingError as error:
        remedy = "check the server, and MLFLOW_TRACKING_USERNAME and _PASSWORD or _TOKEN"
        return wrong("mlflow", str(error), remedy)
    return ok("mlflow", f"{redact(uri)} answers")


def check_study(uri: str | None) -> Finding:
    """Whether Optuna can use the database in the spec."""
    if uri is None:
        return ok("optuna", "a journal in the sweep's folder")
    from sweeps.search.study_storage import open_database

    try:
        open_database(uri)
    except SweepError as error:
        return wrong("optuna", str(error))
    return ok("optuna", f"{redact(uri)} answers")


def check_shared(storage: RemoteFolder) -> Finding:
    """Whether this machine can write to and read from the storage in the spec."""
    if why := probe(storage):
        return wrong("storage", why, WAY_OUT)
    return ok("storage", f"{storage} is writable")


def _new_database(database: Path) -> Finding:
    folder = database.absolute().parent
    if folder.is_dir() and os.access(folder, os.W_OK):
        return ok("mlflow", f"{database} will be created")
    remedy = f"make {folder} writable" if folder.is_dir() else f"create the folder {folder}"
    return wrong("mlflow", f"{database} cannot be created", remedy)


def _spec(
    path: Path | None, overrides: Sequence[str], elsewhere: bool
) -> tuple[SweepSpec | None, list[Finding]]:
    if path is None:
        if overrides:
            raise SweepError("--set: needs a sweep file; give one")
        return None, []
    try:
        spec = SweepSpec.load(path, overrides, elsewhere=elsewhere)
    except SpecError as error:
        return None, [from_problem("spec", problem) for problem in error.problems]
    return spec, [ok("spec", f"{spec.name}: {spec.extent}")]


def _cluster_file(path: Path, spec: SweepSpec | None) -> list[Finding]:
    try:
        file = ClusterFile.load(path)
    except SweepError as error:
        return [wrong("cluster file", str(error))]
    if spec is None:
        return check_cluster_file(file)
    prices = spec.slots.prices
    unknown = unknown_types(prices, file.node_types, f"nothing in {path}")
    priced = check_prices(prices, [*file.worker_types]) if prices else ()
    return [
        *check_cluster_file(file, spec.storage.uri),
        *check_growth(file, spec.slots),
        *(from_problem("prices", each) for each in unknown),
        *priced,
    ]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
