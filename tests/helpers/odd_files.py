"""Input that is merely odd, and the records that it holds."""

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

from bad_files import CHINESE, CSV, DULL, QA, TEXT, lines, listed, parquet

from trainables.data.records.conversation import Conversation, Message
from trainables.data.records.records import Document, Labelled, Rated


class Odd(NamedTuple):
    """A file that is merely odd, and the records that it holds."""

    id: str
    name: str
    content: bytes
    objective: str
    found: list[Any]
    data: dict[str, Any] = {}  # noqa: RUF012 (nobody changes it)


def texts(*found: str) -> list[Document]:
    return [Document(text) for text in found]


FINE = [Labelled("A fine film.", "good"), Labelled("A dull film.", "bad")]


ODD_TEXTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 😀",
    "astral letters": "𝕳𝖊𝖑𝖑𝖔 𠮷野家",
    "right to left": "\u202eabc\u202c שלום مرحبا",
    "combining marks": "Z̷̢̛͎a̴l̶g̸o̵ e\u0301",
    "joiners and marks of order": "a\u200bb\u200dc\ufeffd",
    "separators of lines": "a\u2028b\u2029c\x85d\x0be",
    "control characters": "a\x00b\x1b[31mc\x7f",
    "no characters": "\ufffe\uffff\U0010ffff",
    "a lone zero-width space": "\u200b",
    "a formula": '=HYPERLINK("http://a", "b")',
    "white space around": "  a  ",
    "escapes": "\\n \\u0041 \\",
}


MESSAGES = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]


HI = Conversation((Message("user", "hi"), Message.of("assistant", "yes")))


MARK = b"\xef\xbb\xbf"


ODD = [
    Odd("byte order mark", "rows.csv", MARK + CSV, "classification", FINE),
    Odd("CRLF", "rows.csv", CSV.replace(b"\n", b"\r\n"), "classification", FINE),
    Odd("CR alone", "rows.csv", CSV.replace(b"\n", b"\r"), "classification", FINE),
    Odd("CR alone in a TSV", "rows.tsv", b"A fine film.\tgood\rA dull film.\tbad\r",
        "classification", FINE),
    Odd("no final newline", "rows.csv", CSV.rstrip(), "classification", FINE),
    Odd("many final newlines", "rows.csv", CSV + b"\n\r\n\n", "classification", FINE),
    Odd("no header", "rows.csv", CSV.partition(b"\n")[2], "classification", FINE),
    Odd("a header in capitals, with spaces", "rows.csv",
        CSV.replace(b"text,label", b" TEXT, Label"),
        "classification", FINE),
    Odd("quoted cells", "rows.csv", b'"text","label"\n"A fine film.","good"\n"A dull film.","bad"',
        "classification", FINE),
    Odd("columns in another order", "rows.csv",
        b"label,text\ngood,A fine film.\nbad,A dull film.\n",
        "classification", FINE),
    Odd("a column without a name", "rows.csv",
        b",text,label\n0,A fine film.,good\n1,A dull film.,bad",
        "classification", FINE),
    Odd("semicolons", "rows.csv", CSV.replace(b",", b";"), "classification", FINE),
    Odd("formulas", "rows.csv", b'text,label\n"=SUM(A1:A9)",+1\n@cmd|x,-1\n',
        "classification", [Labelled("=SUM(A1:A9)", "+1"), Labelled("@cmd|x", "-1")]),
    Odd("line breaks and quotes in cells", "rows.csv", b'text,label\n"a ""b""\nc",x\nd,y\n',
        "classification", [Labelled('a "b"\nc', "x"), Labelled("d", "y")]),
    Odd("labels true and false", "rows.jsonl",
        lines({"text": "a", "label": True}, {"text": "b", "label": False}), "classification",
        [Labelled("a", "true"), Labelled("b", "false")]),
    Odd("whole numbers as fractions", "rows.jsonl",
        lines({"text": "a", "label": 1.0}, {"text": "b", "label": 0}), "classification",
        [Labelled("a", "1"), Labelled("b", "0")]),
    Odd("labels in other scripts", "rows.tsv", "好\t正\n坏\t负\n".encode(), "classification",
        [Labelled("好", "正"), Labelled("坏", "负")]),
    Odd("numbers as texts in a table", "rows.csv", b"text,label\n1984,a\n1e5,b\n", "classification",
        [Labelled("1984", "a"), Labelled("1e5", "b")]),
    Odd("JSON lines called .json", "rows.json", lines({"text": "a"}, {"text": "b"}), "clm",
        texts("a", "b")),
    Odd("a list called .jsonl", "rows.jsonl", listed({"text": "a"}), "clm", texts("a")),
    Odd("one object", "rows.json", b'\n{"text":\n"a"}\n', "clm", texts("a")),
    Odd("blank lines, CRLF, mark", "rows.jsonl",
        MARK + lines({"text": "a"}, {"text": "b"}).replace(b"\n", b"\r\n \r\n"), "clm",
        texts("a", "b")),
    Odd("a bare chat", "rows.json", json.dumps(MESSAGES).encode(), "sft", [HI]),
    Odd("lines of bare chats", "rows.jsonl", lines(MESSAGES, MESSAGES), "sft", [HI, HI]),
    Odd("fields in another order", "rows.jsonl",
        lines(QA) + lines(dict(reversed(QA.items()))), "sft",
        [Conversation((Message("user", "Add 1 and 2."), Message.of("assistant", "3")))] * 2),
    Odd("null for an optional field", "rows.jsonl", lines({**QA, "input": None, "system": None}),
        "sft", [Conversation((Message("user", "Add 1 and 2."), Message.of("assistant", "3")))]),
    Odd("a field that nobody reads, deep", "rows.jsonl",
        b'{"text": "a", "meta": ' + b"[" * 400 + b"]" * 400 + b"}", "clm", texts("a")),
    Odd("an empty document", "rows.jsonl", lines({"text": ""}, {"text": "a"}), "clm",
        texts("", "a")),
    Odd("a document of 5 MB", "rows.jsonl", lines({"text": "ab " * 1_700_000}), "clm",
        texts("ab " * 1_700_000)),
    Odd("packed, not said", "rows.jsonl", gzip.compress(lines({"text": "a"})), "clm", texts("a")),
    Odd("packed in two parts", "rows.jsonl.gz",
        gzip.compress(lines({"text": "a"})) + gzip.compress(lines({"text": "b"})), "clm",
        texts("a", "b")),
    Odd("a suffix in capitals", "ROWS.JSONL", lines({"text": "a"}), "clm", texts("a")),
    Odd("a name with spaces and emoji", "my 😀 rows [1].jsonl", lines({"text": "a"}), "clm",
        texts("a")),
    Odd("parquet", "rows.parquet", parquet(TEXT, DULL), "classification", FINE),
    Odd("a number as small as can be", "rows.jsonl", lines({"text": "a", "reward": 5e-324}),
        "reward", [Rated(Document("a"), 5e-324)]),
    Odd("GBK, said", "rows.txt", CHINESE, "clm", texts(CHINESE.decode("gbk")),
        {"encoding": "gbk"}),
    Odd("GB18030, said", "rows.csv",
        "text,label\n好𠮷,a\n坏,b\n".encode("gb18030"), "classification",
        [Labelled("好𠮷", "a"), Labelled("坏", "b")], {"encoding": "GB18030"}),
    Odd("Latin-1, said", "rows.txt", "déjà vu".encode("latin-1"), "clm", texts("déjà vu"),
        {"encoding": "latin-1"}),
    *(
        Odd(f"{encoding}, said", "rows.jsonl", lines({"text": "a"}).decode().encode(encoding),
            "clm", texts("a"), {"encoding": encoding})
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "UTF8")
    ),
    Odd("UTF-8 with a mark where another encoding is said", "rows.csv",
        MARK + "text\n好\n".encode(),
        "clm", texts("好"), {"encoding": "gb18030"}),
    *(
        Odd(f"{name}, in JSON", "rows.jsonl", lines({"text": text}), "clm", texts(text))
        for name, text in ODD_TEXTS.items()
    ),
    *(
        Odd(f"{name}, unescaped", "rows.json",
            json.dumps([{"text": text}], ensure_ascii=False).encode(), "clm", texts(text))
        for name, text in ODD_TEXTS.items()
    ),
]  # fmt: skip
