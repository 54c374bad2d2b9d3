"""Storage that cannot be used is told before anything starts."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from spec_samples import toy_tree

from results.records.record import SweepRecord, TrialRecord
from results.records.request import TrialRequest
from results.records.warm_start import EarlierSweep, EarlierTrial, WarmStart
from sweeps.base.errors import LaunchError, SweepError
from sweeps.base.view import View
from sweeps.doctor.machine import check_shared
from sweeps.home.home import SweepHome
from sweeps.run.dry_run.dry_run import dry_run
from sweeps.run.launch import launch, resume
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SpecError, SweepSpec
from sweeps.storage import claim, storage
from sweeps.storage import visibility as sight
from sweeps.storage.storage import fetch_sweep, probe, storage_of
from trainables.storage.remote_folder import RemoteFolder


@pytest.fixture
def home(tmp_path) -> SweepHome:
    return SweepHome(tmp_path / "home")


def spec_on(uri, **changes) -> SweepSpec:
    return SweepSpec.parse(toy_tree(storage={"uri": uri}, **changes))


def test_a_storage_is_written_to_and_read_and_left_as_it_was(tmp_path):
    remote = RemoteFolder((tmp_path / "store").as_uri())
    assert probe(remote) is None
    assert remote.sizes() == {}


def test_a_launch_on_a_storage_that_cannot_be_written_to_is_refused(tmp_path, home):
    (tmp_path / "store").write_text("in the way")
    uri = (tmp_path / "store").as_uri()
    with pytest.raises(
        LaunchError, match=rf"^storage\.uri: {uri}: .*; check that it is up, .* credentials"
    ):
        launch(spec_on(uri), home, View())
    assert not home.path.exists()


def test_a_name_that_is_taken_on_the_storage_is_refused(tmp_path, home):
    remote = RemoteFolder((tmp_path / "store").as_uri())
    (remote / "sweeps" / "toy").write("sweep.json", record().model_dump_json().encode())
    with pytest.raises(SweepError, match=r"`sweep resume toy --storage URI`.* with --name"):
        launch(spec_on(remote.uri), home, View())
    assert not home.path.exists()


def test_a_name_that_another_head_takes_meanwhile_is_refused_and_its_sweep_left_alone(
    tmp_path, home, monkeypatch
):
    monkeypatch.setattr(claim, "LOOK", 0.01)
    remote = RemoteFolder((tmp_path / "store").as_uri())
    sign = '{"token": "x", "host": "other", "beat": %d, "over": %s}'
    remote.write("heads/toy.json", (sign % (1, "false")).encode())

    class OtherHeadEnds(View):
        def phase(self, text):
            if "Checking" in text:
                content = record().model_dump_json().encode()
                (remote / "sweeps" / "toy").write("sweep.json", content)
                remote.write("heads/toy.json", (sign % (2, "true")).encode())

    with pytest.raises(SweepError, match=r"sweep 'toy' already exists on .* with --name"):
        launch(spec_on(remote.uri), home, OtherHeadEnds())
    assert "sweep.json" in (remote / "sweeps" / "toy").sizes()
    assert not home.path.exists()


def record(**changes) -> SweepRecord:
    return SweepRecord(
        name="toy", state="interrupted", metric="eval_loss", mode="min", created=1.0, **changes
    )


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("s3://key:secret@bucket/x", r"s3://\*\*\*@bucket/x contains a password"),
        ("bucket/x", "must be a URI"),
        ("file:///nowhere/at/all", "no sweep 'toy' on file:///nowhere/at/all"),
    ],
)
def test_a_sweep_is_not_resumed_from_a_storage_that_has_none(home, uri, why):
    with pytest.raises(SweepError, match=why):
        resume("toy", home, View(), storage=uri)
    assert not (home.path / "sweeps" / "toy").exists()


def test_a_folder_that_is_behind_the_storage_is_not_gone_on_with(tmp_path, home):
    remote = RemoteFolder((tmp_path / "store").as_uri())
    there = record(resumed=(2.0, 3.0)).model_dump_json().encode()
    (remote / "sweeps" / "toy").write("sweep.json", there)
    spec, folder = spec_on(remote.uri), home.sweep("toy")
    for earlier in (record(resumed=(2.0,)), record(resumed=(2.0, 2.5)), record(resumed=(5.0,) * 3)):
        with pytest.raises(SweepError, match=r"is newer than .*move that folder away"):
            storage.catch_up(spec, folder, earlier)
    storage.catch_up(spec, folder, record(resumed=(2.0, 3.0)))
    storage.catch_up(spec, folder, record(resumed=(2.0, 3.0, 4.0)))


def test_a_shared_folder_needs_no_scheme(tmp_path):
    remote = storage_of(spec_on(str(tmp_path / "shared")))
    assert remote is not None and probe(remote) is None
    assert (tmp_path / "shared").is_dir()


@pytest.mark.parametrize(
    "uri", ["s3://key:secret@bucket/x", "s3://bucket/x?access_key=key&secret_key=secret"]
)
def test_credentials_in_the_address_are_refused_with_the_way_out(uri):
    with pytest.raises(SpecError) as refused:
        spec_on(uri)
    assert "secret@" not in str(refused.value) and "=secret" not in str(refused.value)
    assert "AWS_SECRET_ACCESS_KEY" in str(refused.value)


def test_a_dry_run_says_that_a_storage_cannot_be_written_to(tmp_path, home):
    (tmp_path / "store").write_text("in the way")
    tree = toy_tree(storage={"uri": (tmp_path / "store").as_uri()})
    tree |= {"model": "builtin:pydoc", "objective": "sft", "data": {"train": "builtin:pydoc"}}
    with pytest.raises(SweepError, match=r"^storage\.uri: "):
        dry_run(SweepSpec.parse(tree), home)


@pytest.mark.ray
def test_a_cluster_whose_nodes_share_nothing_is_refused(ray_cluster, tmp_path, monkeypatch):
    """Its one node stands for two."""
    monkeypatch.setattr(sight, "alive_nodes", lambda: ray_cluster.nodes() * 2)
    sight.check_sight(tmp_path / "home", SweepSpec.parse(toy_tree()))
    assert list((tmp_path / "home").iterdir()) == []
    host = ray_cluster.nodes()[0]["NodeManagerHostname"]
    unseen = SimpleNamespace(name=str(tmp_path / "home" / "unseen"))
    monkeypatch.setattr(sight.tempfile, "NamedTemporaryFile", lambda **where: nullcontext(unseen))
    with pytest.raises(
        LaunchError, match=rf"(?s)set storage\.uri to .*{host}: cannot see files in the sweep home"
    ):
        sight.check_sight(tmp_path / "home", SweepSpec.parse(toy_tree()))


@pytest.mark.ray
def test_a_node_that_cannot_use_the_storage_is_named_with_the_reason(ray_cluster, tmp_path):
    (tmp_path / "store").write_text("in the way")
    remote = RemoteFolder((tmp_path / "store").as_uri())
    host = ray_cluster.nodes()[0]["NodeManagerHostname"]
    with pytest.raises(LaunchError, match=rf"(?s)credentials.*{host}: {remote}: .*directory"):
        sight.check_sight(tmp_path, spec_on(remote.uri))


def test_the_doctor_tells_whether_a_storage_can_be_written_to(tmp_path):
    remote = RemoteFolder((tmp_path / "store").as_uri())
    assert check_shared(remote).level == "ok"
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("in the way")
    found = check_shared(remote)
    assert found.level == "wrong" and "credentials" in found.remedy


@pytest.mark.parametrize(
    ("gpus", "hosts"),
    [("auto", ["with GPUs"]), (1.0, ["with GPUs"]), (0.0, ["with GPUs", "without"])],
)
def test_only_nodes_that_could_hold_a_slot_are_asked(gpus, hosts):
    kinds = {"with GPUs": {"CPU": 8, "GPU": 1}, "without": {"CPU": 8}, "head": {"memory": 1}}
    nodes = [{"name": name, "Resources": each} for name, each in kinds.items()]
    assert [node["name"] for node in sight.hosts(nodes, gpus)] == hosts
    assert [node["name"] for node in sight.hosts(nodes[1:], gpus)] == ["without"]


def stored(tmp_path, spec, book, records):
    """A sweep's folder with these records, and its study."""
    left = SweepHome(tmp_path / "lost").sweep("toy")
    left.take_name()
    left.write_spec(spec.text())
    left.store.write_sweep(record())
    for each in records:
        left.store.write_trial(each)
    study = StudyBook(open_study(spec, left.journal, **book), spec.search)
    return left, study


def fetched(tmp_path, home, left, monkeypatch) -> list[int]:
    """The numbers of the trials on record, once another head has fetched the folder from a storage,
    where its head had uploaded it."""
    monkeypatch.setattr(claim, "LOOK", 0.01)
    remote = RemoteFolder((tmp_path / "store").as_uri())
    there = remote / "sweeps" / "toy"
    for file in filter(Path.is_file, left.path.rglob("*")):
        there.write(str(file.relative_to(left.path)), file.read_bytes())
    fetch_sweep(remote.uri, home.sweep("toy"), View())
    return [each.number for each in home.sweep("toy").store.trials()]


def running(number) -> TrialRecord:
    return TrialRecord(sweep="toy", number=number, status="running")


def test_a_trial_whose_record_came_before_the_journal_is_dropped_after_a_warm_start(
    tmp_path, home, monkeypatch
):
    spec = SweepSpec.parse(toy_tree())
    point = {"learning_rate": 1e-3, "lora.rank": 4}
    told = [
        EarlierTrial(sweep="a", number=n, status="complete", params=point, values=(1.0,))
        for n in range(3)
    ]
    warm = WarmStart(sweeps=(EarlierSweep(name="a", told=tuple(told)),))
    left, study = stored(tmp_path, spec, {"warm": warm}, [running(0), running(1)])
    study.draw(spec.space)
    assert fetched(tmp_path, home, left, monkeypatch) == [0]


def test_a_trial_by_hand_that_began_before_others_is_kept(tmp_path, home, monkeypatch):
    points = tuple({"learning_rate": rate, "lora.rank": 4} for rate in (1e-3, 1e-4, 1e-5))
    spec = replace(SweepSpec.parse(toy_tree()), first_points=points)
    left, study = stored(tmp_path, spec, {}, [running(3)])
    study.queue({"1": TrialRequest(kind="add", made=1.0, params={"lora.rank": 16})}, spec.space)
    assert study.draw(spec.space)[0] == 3
    assert fetched(tmp_path, home, left, monkeypatch) == [3]
