from __future__ import annotations

import os
import time

import pytest

from sweeps.storage import own_files as module
from sweeps.storage.own_files import OwnFiles


@pytest.fixture
def folder(tmp_path):
    """Of a sweep with two trials, as old as if they had ended minutes ago."""
    for name in ("sweep.json", "lock", "base/sequence_losses.npz", "base/note.txt"):
        write(tmp_path / name)
    for trial in ("trials/0000", "trials/0001", "confirmations/0000"):
        for name in ("record.json", ".record.json.tmp", "error-rank0.txt", "best/adapter.bin"):
            write(tmp_path / trial / name)
        past = time.time() - 600
        os.utime(tmp_path / trial, (past, past))
    return tmp_path


def write(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def replace(path, text):
    """As records are: under another name first."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.replace(path)


OWN = {"sweep.json", "base/note.txt", "trials/0000/record.json", "trials/0001/record.json"}
OWN |= {"confirmations/0000/record.json"}


def test_the_heads_files_are_neither_drafts_nor_locks_nor_the_slots(folder):
    assert set(OwnFiles(folder).stamps()) == OWN


def test_the_folder_of_an_ended_trial_is_listed_again_only_if_it_changes(folder, monkeypatch):
    files, ended = OwnFiles(folder), {"trials/0000"}
    before = files.stamps(ended)
    stamped = []
    stamps = module.stamp_of
    monkeypatch.setattr(
        module,
        "stamp_of",
        lambda file: stamped.append(str(file.relative_to(folder))) or stamps(file),
    )
    assert files.stamps(ended) == before and "trials/0000/record.json" not in stamped
    assert "trials/0001/record.json" in stamped
    for text in ("longer", "still longer"):  # the second within the same tick of the clock
        replace(folder / "trials/0000/record.json", text)
        assert files.stamps(ended)["trials/0000/record.json"][0] == len(text)
    stamped.clear()
    assert set(files.stamps()) == OWN and "trials/0000/record.json" in stamped


def test_what_is_gone_is_gone_from_the_list(folder):
    files, ended = OwnFiles(folder), {"trials/0000", "trials/0001"}
    files.stamps(ended)
    (folder / "trials/0000/record.json").unlink()
    assert set(files.stamps(ended)) == OWN - {"trials/0000/record.json"}
