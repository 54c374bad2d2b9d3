"""A sweep whose nodes share nothing but a bucket of an S3-compatible server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from books import real_tree, sweep, sweep_here, write_spec
from s3_server import ENVIRONMENT, SECRETS, content, make_bucket, s3_server
from short_folder import short_folder

from results.records.record import TrialRecord
from sweeps.home.home import SweepHome
from trainables.storage.remote_folder import RemoteFolder

pytestmark = [pytest.mark.cluster, pytest.mark.ci]


@pytest.fixture(scope="module")
def rays_own() -> Iterator[Path]:
    """Where Ray keeps its logs."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def surroundings(rays_own, tmp_path_factory) -> Iterator[Path]:
    """The environment of all nodes, with the bucket's credentials; the nodes' scratch folder."""
    scratch = tmp_path_factory.mktemp("scratch")
    ours = {"RAY_TMPDIR": str(rays_own), "SWEEP_SCRATCH": str(scratch)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, **ours}.items():
            patch.setenv(name, value)
        yield scratch


@pytest.fixture(scope="module")
def bucket(surroundings, tmp_path_factory) -> Iterator[str]:
    """The URI of a folder in it."""
    with s3_server(tmp_path_factory.mktemp("s3") / "server.log") as query:
        make_bucket("bucket", query)
        yield f"s3://bucket/shared{query}"


@pytest.fixture
def nodes(surroundings):
    """A head that trains nothing, and a node that finds none of the head's files by itself."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 10**8}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1, object_store_memory=10**8)
    yield cluster
    cluster.shutdown()


def files(folder: Path) -> dict[str, bytes]:
    """What of a sweep's folder is to be on the storage."""
    found = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    return {
        name: text
        for name, text in found.items()
        if not name.startswith(("ray/", "lock", ".claim"))
    }


def told(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def essence(record: TrialRecord) -> dict:
    return record.model_dump(exclude={"run_id", "test"})


def test_a_sweep_is_in_the_bucket_and_goes_on_from_there_alone(
    nodes, bucket, surroundings, rays_own, data, tmp_path
):
    budget = {"trials": 3, "steps": 4, "evaluations": 2}
    slots = {"count": 1, "cpus": 1, "gpus": 0, "checkpoint_seconds": 0}
    tree = real_tree(data, budget=budget, storage={"uri": bucket}, slots=slots)
    home = tmp_path / "home"
    home.mkdir()
    spec = str(write_spec(tree, tmp_path))
    first = sweep("launch", spec, "--address", nodes.address, home=home)
    assert first.returncode == 0, told(first)
    folder = SweepHome(home).sweep("real")
    remote = RemoteFolder(bucket) / "sweeps" / "real"
    there, here = content(remote), files(folder.path)
    manifests = {name for name in there if name.endswith("manifest.json")}
    assert {name: there[name] for name in there.keys() - manifests} == here
    assert len(manifests) == 1, "the winner's weights"
    assert (surroundings / "cache").is_dir(), "a node fetched what it needs"
    assert not list((surroundings / "sweeps").rglob("*.safetensors"))
    earlier = folder.store.trials()

    again = sweep_here("launch", spec, home=tmp_path / "other")
    assert again.returncode == 2 and "--storage URI" in told(again), told(again)

    assert found(home, rays_own, surroundings, texts=[told(first)]) == []
    assert not [name for name, text in there.items() if any(s.encode() in text for s in SECRETS)]
    shutil.rmtree(home)
    shutil.rmtree(surroundings / "cache")
    words = ["resume", "real", "--storage", bucket, "--set", "budget.trials=4"]
    resumed = sweep(*words, "--address", nodes.address, home=home)
    assert resumed.returncode == 0, told(resumed)
    trials = folder.store.trials()
    assert list(map(essence, trials[:3])) == list(map(essence, earlier))
    assert [record.number for record in trials if record.status.ended] == [0, 1, 2, 3]
    there = content(remote)
    assert files(folder.path).items() <= there.items()
    assert found(home, rays_own, texts=[told(resumed)]) == []


def found(*folders: Path, texts: list[str]) -> list[str]:
    """Every file that holds a secret."""
    looked_at = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert len(looked_at) > 20
    contents = {str(file): file.read_bytes() for file in looked_at}
    contents |= {f"output {number}": text.encode() for number, text in enumerate(texts)}
    return [
        f"{s} in {name}" for name, text in contents.items() for s in SECRETS if s.encode() in text
    ]
