from __future__ import annotations

import os

import pytest
from record_samples import full_sweep, full_trial, trial

from results.records import store as module
from results.records.record_error import RecordError
from results.records.store import RecordStore


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "sweep")


@pytest.fixture
def reader(tmp_path):
    """Another process's."""
    return RecordStore(tmp_path / "sweep")


def test_what_was_written_is_read_back(store, reader):
    store.write_sweep(full_sweep())
    store.write_trial(full_trial())
    assert reader.sweep() == full_sweep()
    assert reader.trials() == store.trials() == [full_trial()]


def test_trials_come_by_number_also_beyond_four_digits(store, reader):
    for number in (10_000, 2, 10):
        store.write_trial(trial(number))
    for each in (store, reader):
        assert [record.number for record in each.trials()] == [2, 10, 10_000]


def test_the_later_write_wins_also_another_process_s(store, reader):
    for writer, status in ((store, "running"), (reader, "interrupted"), (store, "pruned")):
        writer.write_trial(trial(1, status))
        for each in (store, reader):
            assert [record.status for record in each.trials()] == [status]


def test_only_files_that_have_changed_are_read_again(store, reader, monkeypatch):
    for number in range(9):
        store.write_trial(trial(number, "running"))
    read = []
    reads = module.read_record
    monkeypatch.setattr(
        module, "read_record", lambda file, kind: read.append(file.parent.name) or reads(file, kind)
    )
    assert len(reader.trials()) == len(store.trials()) == 9 and len(read) == 9
    store.write_trial(trial(7, "complete"))
    read.clear()
    assert [each.status for each in reader.trials()] == [each.status for each in store.trials()]
    assert read == ["0007"]


def test_a_sweep_without_trials_has_none(store):
    assert store.trials() == []


def test_one_file_per_record_and_nothing_beside(store):
    store.write_sweep(full_sweep())
    store.write_trial(trial(7))
    files = {str(file.relative_to(store.folder)) for file in store.folder.rglob("*.*")}
    assert files == {"sweep.json", "trials/0007/record.json"}


def test_a_kill_in_mid_write_leaves_the_old_record(store, monkeypatch):
    store.write_trial(trial(1, "running"))

    def killed(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write_trial(trial(1, "complete"))
    assert [record.status for record in RecordStore(store.folder).trials()] == ["running"]
    assert len(list(store.trial_folder(1).iterdir())) == 1


def test_a_record_is_flushed_to_disk_before_it_takes_its_name(store, monkeypatch):
    target = store.trial_folder(1) / "record.json"
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(target.exists()))
    store.write_trial(trial(1))
    assert synced == [False, True]  # first the text, then the folder that knows its name


def test_folders_that_are_no_trials_are_left_alone(store):
    store.write_trial(trial(1))
    (store.folder / "trials" / "0001").with_name("0002").mkdir()
    copy = (store.folder / "trials" / "0001").with_name("0001 copy")
    copy.mkdir()
    (copy / "record.json").write_text("{}")
    assert [record.number for record in store.trials()] == [1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (full_trial().model_dump_json()[:100].encode(), "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b'{"sweep": "s", "number": 3}', "status: Field required"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_garbled_record_is_an_error_that_names_the_file(store, content, complaint):
    store.write_trial(trial(3))
    path = store.trial_folder(3) / "record.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=complaint) as caught:
        store.trials()
    assert str(caught.value).startswith(f"{path}: ")
    assert "move it away" in str(caught.value)


def test_a_folder_without_a_sweep_is_an_error_that_names_the_file(store):
    with pytest.raises(RecordError, match=r"sweep\.json: does not exist; is .* a sweep's folder"):
        store.sweep()


def test_a_record_in_another_trials_folder_is_no_second_trial(store):
    store.write_trial(trial(1))
    store.trial_folder(1).rename(store.trial_folder(2))
    with pytest.raises(RecordError, match="number: is 1, which does not match its folder"):
        store.trials()
