"""A folder by its URI; here on a disk, on an S3-compatible server in test_s3.py."""

from __future__ import annotations

import pickle
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from search_spaces.problem import UnplacedError
from trainables.core.errors import StorageError
from trainables.storage.remote_folder import RemoteFolder, check_address


@pytest.fixture
def remote(tmp_path) -> RemoteFolder:
    return RemoteFolder((tmp_path / "store").as_uri())


def test_what_is_pushed_is_listed_read_and_pulled(remote, tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"1234")
    (remote / "x").push(file, "deep/a")
    (remote / "x").write("b", b"12")
    assert (remote / "x").sizes() == {"deep/a": 4, "b": 2}
    assert pickle.loads(pickle.dumps(remote / "x")).read("b") == b"12"
    (remote / "x" / "deep").pull("a", tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy").read_bytes() == b"1234"
    assert (tmp_path / "store" / "x" / "deep" / "a").read_bytes() == b"1234"


def test_a_folder_that_is_made_while_it_is_listed_is_listed(remote, monkeypatch):
    """pyarrow does not find it, looks whether it is there, and takes that for an error."""
    remote.write("x/a", b"12")
    system, root = remote._root()
    looks = iter([FileNotFoundError("[Errno 2] Cannot list directory")])

    def get_file_info(selector):
        for error in looks:
            raise error
        return system.get_file_info(selector)

    other = SimpleNamespace(get_file_info=get_file_info)
    monkeypatch.setattr(RemoteFolder, "_root", lambda self: (other, root))
    assert remote.sizes() == {"x/a": 2}


def test_what_is_deleted_is_gone_and_what_is_not_there_is_no_error(remote):
    remote.write("x/a", b"")
    remote.write("x/b", b"")
    (remote / "x").delete("a")
    assert list(remote.sizes()) == ["x/b"]
    for _ in range(2):
        (remote / "x").delete()
        (remote / "x").delete("a")
    assert remote.sizes() == {}


def test_a_file_that_is_not_there_is_known_as_such_at_once(remote, tmp_path):
    with pytest.raises(FileNotFoundError):
        (remote / "x").read("a")
    with pytest.raises(FileNotFoundError):
        remote.pull("a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_upload_breaks_off_stays_as_it_was(remote, tmp_path):
    remote.write("a", b"before")
    with pytest.raises(StorageError):
        remote.push(tmp_path, "a")  # a folder cannot be read
    assert (remote.read("a"), list(remote.sizes())) == (b"before", ["a"])


def test_a_folder_that_is_deleted_while_it_is_written_to_takes_nobody_down(remote, tmp_path):
    over = threading.Event()

    def delete():
        while not over.is_set():
            shutil.rmtree(tmp_path / "store", ignore_errors=True)

    with ThreadPoolExecutor() as pool:
        pool.submit(delete)
        try:
            for n in range(300):
                (remote / "x").write(f"{n}", b"1")
        finally:
            over.set()
    (remote / "x").write("last", b"1")
    assert (remote / "x").read("last") == b"1"


def test_a_folder_that_cannot_be_made_is_a_storage_error():
    with pytest.raises(StorageError, match="cannot create a file in /proc/nowhere"):
        RemoteFolder("file:///proc/nowhere").write("a", b"1")


def sleeping(monkeypatch, sleep):
    """What is done in the place of each pause, here and in no other thread."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    monkeypatch.setattr("trainables.storage.remote_folder.time", clock)


def test_a_store_that_is_away_for_a_moment_is_waited_for(tmp_path, monkeypatch):
    remote = RemoteFolder((tmp_path / "store").as_uri(), patience=60.0)
    (tmp_path / "store").write_text("in the way")
    pauses = []

    def mend(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            (tmp_path / "store").unlink()

    sleeping(monkeypatch, mend)
    remote.write("a", b"1")
    assert (remote.read("a"), pauses) == (b"1", [0.5, 1.0, 2.0])


def test_an_upload_that_is_no_longer_wanted_ends_at_once(remote, tmp_path, monkeypatch):
    sleeping(monkeypatch, None)
    (tmp_path / "file").write_bytes(bytes(10**7))
    looks = iter([True, False])
    patient = replace(remote, patience=60.0)
    with pytest.raises(StorageError, match="no longer wanted"):
        patient.push(tmp_path / "file", "a", lambda: next(looks, False))
    assert remote.sizes() == {}
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StorageError):
        patient.push(tmp_path / "file", "a", lambda: False)


def test_a_store_that_stays_away_is_named_without_what_its_query_holds(tmp_path):
    (tmp_path / "store").write_text("in the way")
    remote = RemoteFolder((tmp_path / "store").as_uri()) / "x"
    with pytest.raises(StorageError, match=rf"^{tmp_path.as_uri()}/store/x: ") as raised:
        remote.write("a", b"1")
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    assert str(RemoteFolder("s3://b/p?region=x&scheme=http") / "y") == "s3://b/p/y"


@pytest.mark.parametrize(
    ("uri", "wrong"),
    [
        ("s3://bucket/folder?endpoint_override=localhost:1&scheme=http", None),
        ("gs://bucket", None),
        ("file:///mnt/shared", None),
        ("/mnt/shared", None),
        ("fsspec+memory://x", None),
        ("s3:///folder", "names no bucket"),
        ("file://mnt", "names no folder"),
        ("shared/folder", "must be a URI or an absolute path"),
        ("https://host/folder", "https:// is not supported; use one of s3, gs"),
    ],
)
def test_an_address_is_judged_by_its_looks(uri, wrong):
    if wrong is None:
        assert check_address(uri) == uri
        return
    with pytest.raises(UnplacedError, match=wrong) as raised:
        check_address(uri)
    assert raised.value.remedy.startswith("write s3://BUCKET/FOLDER")


def test_an_address_that_pyarrow_does_not_know_is_a_storage_error():
    with pytest.raises(StorageError, match=r"^nowhere://x: "):
        RemoteFolder("nowhere://x").write("a", b"")
