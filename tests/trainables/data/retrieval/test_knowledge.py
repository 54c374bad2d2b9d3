"""The texts of data.knowledge, and what is said of names without any."""

from __future__ import annotations

import pytest

from trainables.core.data_error import DataError
from trainables.data.retrieval.knowledge import read_texts


def folder(tmp_path, **files: str | bytes):
    """Files by name, `page__md` for page.md."""
    for name, content in files.items():
        path = tmp_path / "docs" / name.replace("__", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "docs").mkdir(exist_ok=True)
    return str(tmp_path / "docs")


def test_pages_of_all_kinds_are_read(tmp_path):
    rows = '{"text": "from a row"}\n{"text": "another"}\n'
    docs = folder(tmp_path, a__md="# A page", b__rst="Title", c__txt="plain", d__jsonl=rows)
    assert read_texts([docs], "utf-8") == ["# A page", "Title", "plain", "from a row", "another"]


@pytest.mark.parametrize("empty", ["", " \n\t\n"])
def test_an_empty_page_among_others_is_no_mistake(tmp_path, empty):
    docs = folder(tmp_path, a__md="A page", b__md=empty)
    assert read_texts([docs], "utf-8") == ["A page"]


@pytest.mark.parametrize("empty", ["", " \n\t\n"])
def test_pages_without_any_text_are_refused(tmp_path, empty):
    docs = folder(tmp_path, a__md=empty, b__txt=empty)
    with pytest.raises(DataError, match=r"data.knowledge: .*docs has no text; name files or"):
        read_texts([docs], "utf-8")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "docs is a folder without data files"),
        ({"a__pdf": b"%PDF-1.4\0"}, "docs is a folder without data files"),
        ({"a__txt": bytes(range(256))}, r"a.txt is binary, not UTF-8 text .*; use a text file"),
        ({"a__md": "fine", "b__md": b"\x89PNG\r\n\x1a\n\0\0"}, r"b.md is .*"),
        ({"a__md": "Käse".encode("latin-1")}, r"a.md .*UTF-8"),
        (
            {"a__jsonl": '{"instruction": "a", "output": "b"}\n'},
            r"data.knowledge reads text without answers; name a file with text \{text\}$",
        ),
        (
            {"a__jsonl": '{"page": "a"}\n'},
            r"line 1 has the fields: page; rename them as one of: text \{text\}$",
        ),
    ],
)
def test_files_without_text_are_refused_by_name(tmp_path, files, said):
    with pytest.raises(DataError, match=said) as error:
        read_texts([folder(tmp_path, **files)], "utf-8")
    said = str(error.value)
    assert said.startswith(("data.knowledge: ", f"{tmp_path}/docs")) and "data.knowledge" in said
    assert str(tmp_path / "docs") in said and "; " in said, "the file, and a way out"


@pytest.mark.parametrize("name", ["gone", "gone.md"])
def test_a_name_of_nothing_is_said_not_to_exist(tmp_path, name):
    with pytest.raises(DataError, match=r"^data.knowledge: .*gone.* does not exist .*; correct"):
        read_texts([str(tmp_path / name)], "utf-8")
