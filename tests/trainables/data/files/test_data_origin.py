from __future__ import annotations

import gzip
import json

import pytest
from data_samples import rows_of, values_of, write_json

from trainables.core.data_error import DataError
from trainables.data.files.origin import find


def test_a_folder_stands_for_its_data_files_in_order(tmp_path):
    folder = tmp_path / "corpus"
    for name in ("b/2.jsonl", "a.jsonl", "b/1.jsonl.gz", ".hidden/x.jsonl", ".y.jsonl"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        line = (json.dumps({"text": name}) + "\n").encode()
        path.write_bytes(gzip.compress(line) if name.endswith("gz") else line)
    for name in ("README.md", "b/load.py", "dataset_info.json"):
        (folder / name).write_text("{}")
    assert [value["text"] for value in values_of(folder)] == [
        "a.jsonl",
        "b/1.jsonl.gz",
        "b/2.jsonl",
    ]
    found = find(str(folder))
    assert found.notes == ("corpus: files not read: README.md, b/load.py, dataset_info.json",)
    assert found.origins[0].name == "corpus/a.jsonl"


def test_many_files_of_unknown_kinds_are_counted(tmp_path):
    write_json(tmp_path / "rows.json", [{"text": "a"}])
    for number in range(7):
        (tmp_path / f"{number}.bin").write_bytes(b"x")
    (note,) = find(str(tmp_path)).notes
    assert note.endswith("0.bin, 1.bin, 2.bin, 3.bin, 4.bin and 2 more")


def test_what_a_name_does_not_stand_for_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"none\.json does not exist \(looked from {tmp_path}\)"):
        find("data/none.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty is a folder without data files"):
        find("empty")


@pytest.mark.parametrize("place", [".", "~"])
def test_a_path_may_start_at_home_or_here(tmp_path, monkeypatch, place):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "rows.json", [{"text": "a"}])
    assert values_of(f"{place}/rows.json") == [{"text": "a"}]


def test_an_identity_follows_name_and_content_alone(tmp_path):
    path = write_json(tmp_path / "rows.json", [{"text": "a"}])

    def identity():
        (origin,) = find(str(path)).origins
        return origin.identity()

    first = identity()
    path.touch()
    assert identity() == first
    write_json(path, [{"text": "b"}])
    assert identity() != first
    assert first[0] == "rows.json"
    assert rows_of(path)
