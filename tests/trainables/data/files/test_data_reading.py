from __future__ import annotations

import gzip
import json

import pytest
from data_samples import REAL_DATA, needs_real_data, rows_of, values_of

from trainables.core.data_error import DataError

ROWS = [{"text": "one"}, {"text": "二"}]
LIST = json.dumps(ROWS, ensure_ascii=False, indent=2).encode()
LINES = b'{"text": "one"}\n{"text": "\xe4\xba\x8c"}\n'
CHAT = b'[{"role": "user", "content": "hi"}]'


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("list.json", LIST),
        ("lines.jsonl", LINES),
        ("lines_called.json", LINES),
        ("list_called.jsonl", LIST),
        ("bom.json", b"\xef\xbb\xbf" + LIST),
        ("crlf.jsonl", LINES.replace(b"\n", b"\r\n")),
        ("no_final_newline.jsonl", LINES.rstrip()),
        ("blank_lines.jsonl", LINES.replace(b"\n", b"\n\n")),
        ("packed.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("packed.JSON.GZ", gzip.compress(LIST, mtime=0)),
        ("packed_unsaid.json", gzip.compress(LIST, mtime=0)),
    ],
)
def test_the_same_records_come_from_every_way_of_writing_them(tmp_path, name, raw):
    path = tmp_path / name
    path.write_bytes(raw)
    assert values_of(path) == ROWS


@pytest.mark.parametrize("count", [1, 2])
def test_a_line_may_be_a_bare_list_of_messages(tmp_path, count):
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"\n".join([CHAT] * count))
    assert values_of(path) == [json.loads(CHAT)] * count


def test_a_line_separator_inside_a_string_ends_no_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a\u2028b"}\n{"text": "c"}', encoding="utf-8")
    assert values_of(path) == [{"text": "a\u2028b"}, {"text": "c"}]


def test_places_count_from_one(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n" + LINES)
    assert [row.where for row in rows_of(path)] == [f"{path} line 2", f"{path} line 3"]


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b" \r\n\n", "only white space"),
        ("a.json", b"[]", "empty list"),
        ("a.json", b"3", "is int"),
        ("a.json", LIST[:-10], "ends too early"),
        ("a.json", LIST.replace(b'"one"', b"one"), "line 3 column 13.*not valid JSON"),
        ("a.jsonl", LINES[:-6], "line 2 column 10.*ends too early"),
        ("a.jsonl", b'{"text": "one"}\noops\n{"text": "two"}\n', "line 2 column 1.*not valid JSON"),
        ("a.json", LIST.decode().encode("utf-16"), "UTF-16"),
        ("a.json", LIST.decode().encode("utf-16-le"), "UTF-16"),
        (
            "a.txt",
            "\n细胞理论是生物科学的一个理论。".encode("gbk"),
            "line 2.*GBK.*data.encoding: gb18030",
        ),
        ("a.txt", "déjà vu à la carte".encode("latin-1"), "not UTF-8 .byte 0xe9.*data.encoding"),
        ("a.json", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        ("a.json", b"\n<!DOCTYPE html>\n<html><body>404</body></html>", "HTML"),
        ("a.jsonl.gz", LINES, "not a gzip file.*remove .gz from its name"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:-9], "broken gzip file.*download it again"),
        ("a.jsonl.gz", gzip.compress(b"oops", mtime=0), "line 1 column 1.*ends too early"),
        ("a.xlsx", b"text\none\n", r"\.xlsx suffix is not supported.*\.jsonl"),
        ("a", b"one", "no suffix is not supported"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_fault(tmp_path, name, raw, said):
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(DataError, match=rf"(?s)^{path}.*{said}"):
        rows_of(path)


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("one\r\ntwo\r\n", ["one\ntwo\n"]),
        ("one\n<|endoftext|>\ntwo\n<|endoftext|>\n", ["one", "two"]),
    ],
)
def test_a_text_file_is_one_document_unless_it_is_parted(tmp_path, text, documents):
    path = tmp_path / "corpus.txt"
    path.write_bytes(text.encode())
    assert [value["text"] for value in values_of(path)] == documents


@needs_real_data
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("01_empty.jsonl", "empty"),
        ("03_truncated.json", "line 275 column 15.*ends too early"),
        ("04_truncated_last_line.jsonl", "line 40 .*ends too early"),
        ("36_lfs_pointer.json", "git lfs pull"),
    ],
)
def test_broken_real_files_are_refused(name, said):
    with pytest.raises(DataError, match=f"{name}.*{said}"):
        rows_of(REAL_DATA / "bad" / name)


@needs_real_data
@pytest.mark.parametrize(
    ("name", "count"), [("08_utf8_bom.json", 40), ("37_unicode_valid.jsonl", 61)]
)
def test_odd_but_valid_real_files_are_read(name, count):
    assert len(rows_of(REAL_DATA / "bad" / name)) == count
