"""Links and names inside of data lead nowhere that was not asked for."""

from __future__ import annotations

import gzip
import json

from trainables.data.files.origin import find
from trainables.data.files.reading import read


def test_a_folder_of_links_is_read_once_and_to_its_end(tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "x"}\n')
    (folder / "loop").symlink_to(folder)
    (folder / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    (folder / "endless.txt").symlink_to("/dev/zero")
    assert [origin.path.name for origin in find(str(folder)).origins] == ["a.jsonl"]


def test_the_name_inside_of_a_gzip_file_is_not_looked_at(tmp_path):
    packed = tmp_path / "in" / "rows.jsonl.gz"
    packed.parent.mkdir()
    with packed.open("wb") as raw, gzip.GzipFile("../evil.jsonl", "wb", fileobj=raw) as file:
        file.write(json.dumps({"text": "x"}).encode())
    (origin,) = find(str(packed)).origins
    assert len(read(origin).rows) == 1
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["in", "rows.jsonl.gz"]
