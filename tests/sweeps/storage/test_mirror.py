"""A sweep's folder is on the storage as it is on the disk, a moment later."""

from __future__ import annotations

import json
import shutil
import threading

import pytest
from mirrors import OWN, files, look_again, mirror_of, put, taken_over
from waiting import wait_until

from sweeps.storage import claim
from sweeps.storage import mirror as module
from sweeps.storage.mirror import Mirror, bring_down, bring_up, mirrored
from sweeps.storage.own_files import OwnFiles
from trainables.storage import sealed
from trainables.storage.remote_folder import RemoteFolder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.005)


@pytest.fixture
def remote(tmp_path) -> RemoteFolder:
    return RemoteFolder((tmp_path / "store").as_uri()) / "toy"


@pytest.fixture
def folder(tmp_path):
    """A sweep's folder, with files that are no business of the storage's."""
    folder = tmp_path / "toy"
    for name in (*OWN, "lock", "ray/x/big"):
        put(folder / name, f"{name}\n")
    put(folder / ".sweep.json.1.tmp", "half")
    return folder


def test_what_is_new_changed_or_removed_is_so_on_the_storage(folder, remote):
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        wait_until(lambda: set(remote.sizes()) == OWN)
        put(folder / "sweep.json", "longer than before")
        wait_until(lambda: remote.read("sweep.json") == b"longer than before")
        put(folder / "trials/0001/record.json", "{}")
        (folder / "trials/0000/record.json").unlink()
    assert set(remote.sizes()) == OWN - {"trials/0000/record.json"} | {"trials/0001/record.json"}


def test_all_is_there_after_a_sweep_that_ended_badly(folder, remote):
    with pytest.raises(KeyboardInterrupt), mirrored(mirror_of(folder, remote)):
        put(folder / "sweep.json", "interrupted")
        raise KeyboardInterrupt
    assert remote.read("sweep.json") == b"interrupted"


def test_a_line_of_the_journal_that_is_being_written_waits(folder, remote):
    put(folder / "optuna.journal", '{"op": 1}\n{"op"')
    with mirrored(mirror_of(folder, remote)):
        pass
    assert remote.read("optuna.journal") == b'{"op": 1}\n'


def test_a_store_that_is_away_is_told_once_and_gets_all_when_it_is_back(folder, remote, tmp_path):
    (tmp_path / "store").write_text("in the way")
    told = []
    with mirrored(mirror_of(folder, remote, told.append)):
        wait_until(lambda: told)
        put(folder / "sweep.json", "changed meanwhile")
        (tmp_path / "store").unlink()
        wait_until(lambda: set(remote.sizes()) == OWN)
    assert remote.read("sweep.json") == b"changed meanwhile"
    assert [line.count("; the sweep continues and retries") for line in told] == [1]


def test_what_the_storage_lacks_at_the_end_is_told(folder, remote, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    (tmp_path / "store").write_text("in the way")
    told = []
    with mirrored(mirror_of(folder, remote, told.append)):
        pass
    assert f"{remote} lacks some files of {folder}" in told[-1]
    assert "`sweep resume toy` uploads them" in told[-1]


def test_the_name_of_a_sweep_that_came_to_nothing_is_free_there_too(folder, remote):
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        wait_until(lambda: set(remote.sizes()) == OWN)
        (remote / "base").write("sequence_losses.npz", b"of a slot")
        shutil.rmtree(folder)
        mirror.forget()
    assert remote.sizes() == {}


def test_a_disk_that_is_lost_takes_nothing_with_it(folder, remote, monkeypatch):
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        wait_until(lambda: set(remote.sizes()) == OWN)
        folder.rename(folder.with_name("lost"))  # at once, as a disk goes
        look_again(mirror, monkeypatch)
    assert set(remote.sizes()) == OWN


def test_nor_does_one_on_whose_place_the_last_record_makes_another_folder(
    folder, remote, monkeypatch
):
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        wait_until(lambda: set(remote.sizes()) == OWN)
        folder.rename(folder.with_name("lost"))
        put(folder / "sweep.json", "failed: the disk is gone")
        look_again(mirror, monkeypatch)
    assert set(remote.sizes()) == OWN
    assert remote.read("sweep.json") == b"sweep.json\n"


@pytest.mark.parametrize("after", ["", "trials"])
def test_a_disk_that_is_lost_while_it_is_listed_takes_nothing_with_it(
    folder, remote, monkeypatch, after
):
    stamps = OwnFiles.stamps
    lost = threading.Event()

    def losing(files, ended=()):
        if not lost.is_set():
            return stamps(files, ended)
        before = {name: stamp for name, stamp in stamps(files, ended).items() if name < after}
        if folder.exists():
            folder.rename(folder.with_name("lost"))
        return before

    monkeypatch.setattr(OwnFiles, "stamps", losing)
    with mirrored(mirror_of(folder, remote)):
        wait_until(lambda: set(remote.sizes()) == OWN)
        lost.set()
        wait_until(lambda: not folder.exists())
    assert set(remote.sizes()) == OWN


def test_a_file_that_a_listing_missed_stays_on_the_storage(folder, remote, monkeypatch):
    stamps = OwnFiles.stamps
    missed = threading.Event()

    def forgetful(files, ended=()):
        found = stamps(files, ended)
        if set(remote.sizes()) == OWN:
            found.pop("trials/0000/record.json")
            missed.set()
        return found

    deleted = []
    monkeypatch.setattr(OwnFiles, "stamps", forgetful)
    monkeypatch.setattr(RemoteFolder, "delete", lambda remote, name: deleted.append(name))
    with mirrored(mirror_of(folder, remote)):
        wait_until(missed.is_set)
    assert not deleted


def test_a_sweep_that_another_head_has_taken_over_is_left_alone(folder, remote, monkeypatch):
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        wait_until(lambda: set(remote.sizes()) == OWN)
        taken_over(mirror)
        monkeypatch.setattr(claim, "BEAT", 0.0)
        wait_until(lambda: mirror.claim.taken_over)
        put(folder / "sweep.json", "of a head that is not to write any more")
        look_again(mirror, monkeypatch)
    assert remote.read("sweep.json") == b"sweep.json\n"


def test_what_another_head_wrote_before_it_heard_that_it_lost_the_sweep_is_mended(folder, remote):
    with mirrored(mirror_of(folder, remote)):
        wait_until(lambda: set(remote.sizes()) == OWN)
        remote.write("trials/0000/record.json", b"of the other's trial 0")
        remote.delete("optuna.journal")
    assert remote.read("trials/0000/record.json") == b"trials/0000/record.json\n"
    assert remote.read("optuna.journal") == b"optuna.journal\n"


def test_what_came_to_nothing_deletes_no_sweep_of_another_head(folder, remote):
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        wait_until(lambda: set(remote.sizes()) == OWN)
        taken_over(mirror)
        mirror.forget()
    assert set(remote.sizes()) == OWN


def test_weights_that_cannot_be_fetched_are_told(folder, remote, tmp_path):
    left_by_a_slot(remote, tmp_path, "trials/0000")
    told = []
    mirror = mirror_of(folder, remote, told.append)
    mirror.bring("trials/0001/best")
    assert told == [], "a trial whose weights nobody kept"
    put(folder / "trials/0000/best", "in the way")
    mirror.bring("trials/0000/best")
    assert told and told[0].startswith("trials/0000/best could not be downloaded: ")


def left_by_a_slot(remote, tmp_path, trial):
    put(tmp_path / "weights" / "adapter", "weights")
    sealed.push_whole(tmp_path / "weights", remote / trial / "best")
    (remote / trial / "checkpoints" / "checkpoint-3").write("manifest.json", b"{}")
    (remote / trial).write("sequence_losses.npz", b"losses")
    (remote / trial).write("error-rank0.txt", b"Traceback")


def test_of_a_trial_that_ended_losses_come_here_and_what_is_not_kept_goes(folder, remote, tmp_path):
    for trial in ("trials/0000", "trials/0001"):
        left_by_a_slot(remote, tmp_path, trial)
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        mirror.ended("trials/0000", ["checkpoints"])
        mirror.ended("trials/0001", ["checkpoints", "best"])
        mirror.bring("trials/0000/best")
        wait_until(lambda: "trials/0001/best/adapter" not in remote.sizes())
        # A slot that had not heard yet.
        (remote / "trials/0001/best").write("adapter", b"late")
    left = {f"trials/{n}/{name}" for n in ("0000", "0001") for name in ("sequence_losses.npz",)}
    errors = {"trials/0000/error-rank0.txt", "trials/0001/error-rank0.txt"}
    kept = {"trials/0000/best/adapter", "trials/0000/best/manifest.json"}
    assert set(remote.sizes()) == OWN | left | errors | kept
    assert left | errors | {"trials/0000/best/adapter"} <= files(folder)


def test_what_is_asked_for_while_it_is_fetched_is_fetched_again(folder, remote, monkeypatch):
    (remote / "base").write("sequence_losses.npz", b"on the validation set")
    mirror = mirror_of(folder, remote)
    sizes = RemoteFolder.sizes

    def late(asked):
        found = sizes(asked)
        if asked == remote / "base" and len(found) == 1:
            asked.write("error-rank0.txt", b"of a later measurement")
            mirror.fetch("base")
        return found

    monkeypatch.setattr(RemoteFolder, "sizes", late)
    with mirrored(mirror):
        mirror.fetch("base")
        wait_until(lambda: "error-rank0.txt" in sizes(remote / "base"))
        look_again(mirror, monkeypatch)
    assert {"base/sequence_losses.npz", "base/error-rank0.txt"} <= files(folder)


def test_nothing_is_fetched_into_a_folder_that_is_gone(folder, remote, monkeypatch):
    mirror = mirror_of(folder, remote)
    with mirrored(mirror):
        wait_until(lambda: set(remote.sizes()) == OWN)
        (remote / "base").write("sequence_losses.npz", b"of a slot")
        shutil.rmtree(folder)
        mirror.fetch("base")
        look_again(mirror, monkeypatch)
    assert not folder.exists()


def test_a_folder_comes_back_from_the_storage(folder, remote, tmp_path):
    with mirrored(mirror_of(folder, remote)):
        left_by_a_slot(remote, tmp_path, "trials/0000")
        left_by_a_slot(remote, tmp_path, "trials/0001")
        (remote / "trials/0001/best").delete("manifest.json")
    bring_down(remote, tmp_path / "new")
    theirs = {
        f"trials/{n}/{name}"
        for n in ("0000", "0001")
        for name in ("sequence_losses.npz", "error-rank0.txt")
    }
    assert files(tmp_path / "new") == OWN | theirs | {"trials/0000/best/adapter"}


def test_what_slots_left_before_there_was_a_storage_goes_up_as_they_would_have_put_it(
    folder, remote, tmp_path
):
    put(folder / "base/sequence_losses.npz", "losses")
    put(folder / "trials/0000/best/adapter", "weights")
    put(folder / "trials/0000/checkpoints/checkpoint-3/weights", "weights")
    sums = sealed.sums_of(folder / "trials/0000/checkpoints/checkpoint-3")
    text = json.dumps({"files": sums, "layout": "one"})
    put(folder / "trials/0000/checkpoints/checkpoint-3/manifest.json", text)
    put(folder / "trials/0000/checkpoints/.partial/checkpoint-4/weights", "half")
    bring_up(folder, remote)
    there = remote / "trials/0000"
    for name in ("best", "checkpoints/checkpoint-3"):
        sealed.pull_whole(there / name, tmp_path / "copy" / name)
    assert files(tmp_path / "copy") == {"best/adapter", "checkpoints/checkpoint-3/weights"}
    assert sealed.manifest(there / "checkpoints/checkpoint-3")["layout"] == "one"
    assert (remote / "base").read("sequence_losses.npz") == b"losses"


def test_a_fault_of_the_mirror_is_told_and_the_end_brings_up_what_it_left(
    folder, remote, monkeypatch
):
    faults, broken = [TypeError("a store answers nonsense")], []
    fetch = Mirror._fetch

    def faulty(mirror):
        if faults:
            raise faults.pop()
        fetch(mirror)

    monkeypatch.setattr(Mirror, "_fetch", faulty)
    with mirrored(mirror_of(folder, remote, quietly, broken.append)):
        wait_until(lambda: broken)
        put(folder / "sweep.json", "written after that")
    assert "TypeError: a store answers nonsense" in broken[0]
    assert remote.read("sweep.json") == b"written after that"


def quietly(text):
    raise AssertionError(f"there is nothing to be told: {text}")


def test_a_fault_in_the_last_round_is_told_and_does_not_undo_the_sweep(folder, remote, monkeypatch):
    def faulty(mirror):
        raise TypeError("a store answers nonsense")

    monkeypatch.setattr(Mirror, "_fetch", faulty)
    told, broken = [], []
    with mirrored(mirror_of(folder, remote, told.append, broken.append)):
        pass
    assert "TypeError" in broken[-1] and f"{remote} lacks some files of {folder}" in told[-1]
