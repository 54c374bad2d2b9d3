"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings
from longest_files import FIRST, LONGEST

# A slow moment of a busy machine is no failure.
# In CI the same examples each time: a change is judged by itself, not by a new find of old code.
settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")

# The tests' models are tiny: threads would only wait for each other, and long ones where other
# processes keep the cores busy. Set before anything imports torch, and inherited by subprocesses.
os.environ["OMP_NUM_THREADS"] = "1"

# Plain tests mean the same everywhere, with a GPU and without.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
# A developer's own MLflow is not for tests.
for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
    os.environ.pop(variable, None)


SLOW = ("endtoend", "ray", "chaos", "cluster")

ROOM = 4 * 2**30
"""Bytes of a process of tests: with its own Ray, and with that Ray's processes."""


RAY_FILES = pytest.StashKey[set[Path]]()
"""The files with tests on the shared Ray."""

NEXT = pytest.StashKey[pytest.Item | None]()
"""The test that comes next in this process."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Of a million objects that collecting makes, none is garbage: looking for some took a fifth
    of collecting's time, and would again in tests that collect garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files on the shared Ray come together, so that it need not stay.

    Of several processes, each takes a file at a time: those that take longest come first, so
    that none of them is left for the end, when the other processes have nothing to do.
    """
    on_ray = {item.path for item in items if "ray_cluster" in getattr(item, "fixturenames", ())}
    config.stash[RAY_FILES] = on_ray
    if not hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path in on_ray)
        return
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate((*FIRST, *LONGEST))}
    first = {here / name for name in FIRST}
    slow = {item.path for item in items if any(map(item.get_closest_marker, SLOW))}
    items.sort(
        key=lambda item: (
            item.path not in first,
            item.path not in on_ray,
            places.get(item.path, len(places)),
            item.path not in slow,
        )
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    item.config.stash[NEXT] = nextitem


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, where there is room: tests wait for processes and for each
    other a fifth of their time."""
    cores = psutil.cpu_count() or 1
    return min(cores + 1, max(cores, psutil.virtual_memory().total // ROOM))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with real data."""
    if "SWEEP_TEST_DATA" not in os.environ:
        pytest.skip("SWEEP_TEST_DATA names no folder with real data")
    return Path(os.environ["SWEEP_TEST_DATA"])


@pytest.fixture(scope="session", autouse=True)
def _quick_databases(tmp_path_factory):
    from hasty_sqlite import hasty_sqlite
    from mlflow_tables import CopiedTables

    with hasty_sqlite(), pytest.MonkeyPatch.context() as patched:
        copied = CopiedTables(tmp_path_factory.mktemp("tables"))
        patched.setattr("results.mlflow.database.make_tables", copied)
        yield


@pytest.fixture
def avx2_only() -> dict[str, str]:
    """An environment in which torch, oneDNN and MKL use no more than a CPU of 2013 has, which
    emulates bf16; they read it when torch is imported."""
    if platform.machine() != "x86_64":
        pytest.skip("the limits are those of x86")
    names = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")
    return dict(zip(names, ("avx2", "AVX2", "AVX2"), strict=True))


@pytest.fixture(scope="module")
def ray_cluster(request):
    """One local Ray for one file after another; each test that uses it is marked `ray`.

    It ends with the last of them: idle, its processes take a twentieth of a core.
    """
    import ray

    if not ray.is_initialized():
        _start_ray(ray)
    yield ray
    following = request.config.stash[NEXT]
    if following is None or following.path not in request.config.stash[RAY_FILES]:
        ray.shutdown()


def _start_ray(ray) -> None:
    from sweeps.cluster.lone_ray import lone
    from sweeps.cluster.ray_session import SETTINGS

    os.environ.update(SETTINGS)
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.2"  # a slot's end is noticed sooner
    with lone():
        ray.init(
            address="local",  # whatever other Ray there is on this machine
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=150_000_000,
        )


QUICK_TO_NOTICE = {
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 3000,
    "health_check_failure_threshold": 4,
    "health_check_initial_delay_ms": 3000,
}


@pytest.fixture
def nodes(monkeypatch):
    """A cluster with a head that trains nothing, to which nodes are added."""
    from ray.cluster_utils import Cluster
    from short_folder import short_folder

    from sweeps.cluster.lone_ray import lone
    from sweeps.cluster.ray_session import SETTINGS

    with short_folder() as folder, lone():
        for name, value in {**SETTINGS, "RAY_TMPDIR": str(folder)}.items():
            monkeypatch.setenv(name, value)
        cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "include_dashboard": False,
                "_system_config": QUICK_TO_NOTICE,
                "object_store_memory": 10**8,
            },
        )
        yield cluster
        cluster.shutdown()
