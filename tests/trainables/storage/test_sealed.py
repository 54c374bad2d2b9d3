"""A folder on shared storage is whole, or it is not there."""

from __future__ import annotations

import pytest

from trainables.core.errors import StorageError
from trainables.storage import sealed
from trainables.storage.remote_folder import RemoteFolder
from trainables.storage.sealed import NotWholeError


@pytest.fixture
def remote(tmp_path) -> RemoteFolder:
    return RemoteFolder((tmp_path / "store").as_uri()) / "x"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(b"first")
    (folder / "deep" / "b").write_bytes(b"")
    return folder


def content(folder) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_a_folder_comes_back_as_it_was_pushed(remote, folder, tmp_path):
    sealed.push_whole(folder, remote)
    sealed.pull_whole(remote, tmp_path / "copy")
    assert content(tmp_path / "copy") == content(folder) == {"a": b"first", "deep/b": b""}


def test_an_upload_that_breaks_off_leaves_nothing_that_counts(remote, folder, monkeypatch):
    sealed.push_whole(folder, remote)
    (folder / "a").write_bytes(b"second")

    def broken(self, file, name, wanted):
        raise StorageError(str(self), "away")

    monkeypatch.setattr(RemoteFolder, "push", broken)
    with pytest.raises(StorageError):
        sealed.push_whole(folder, remote)
    assert not sealed.is_whole(remote)


@pytest.mark.parametrize(
    "damage",
    [
        lambda store: (store / "a").write_bytes(b"firs"),
        lambda store: (store / "a").write_bytes(b"fir5t"),
        lambda store: (store / "a").unlink(),
        lambda store: (store / "manifest.json").write_text('{"files": {'),
        lambda store: (store / "manifest.json").write_text('["a"]'),
        lambda store: (store / "manifest.json").unlink(),
    ],
)
def test_a_damaged_folder_is_not_pulled(remote, folder, tmp_path, damage):
    sealed.push_whole(folder, remote)
    damage(tmp_path / "store" / "x")
    with pytest.raises(NotWholeError, match="x"):
        sealed.pull_whole(remote, tmp_path / "copy")
    assert {each.name for each in tmp_path.iterdir()} == {"store", "folder"}


def test_what_is_dropped_is_gone(remote, folder, tmp_path):
    sealed.push_whole(folder, remote)
    sealed.drop(remote)
    assert not (tmp_path / "store" / "x").exists()
