"""A file that cannot be written is named as its user named it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.base.whole_file import write_whole


@pytest.mark.parametrize("place", [".", "there", "away/report.html"])
def test_the_error_names_the_file(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError) as caught:
        write_whole(Path(place), b"x")
    assert caught.value.filename == place and caught.value.strerror
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
