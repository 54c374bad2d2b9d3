"""Files as they should not be, each with what must be said of it."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from data_samples import rewards_for

from trainables.config.trial import TrialConfig
from trainables.data.sets.makers import targets_for
from trainables.data.sets.sources import Sources


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def listed(*rows: Any) -> bytes:
    return json.dumps(rows).encode()


def chat(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": f"{role} says"} for role in roles]}


def parquet(*rows: dict[str, Any]) -> bytes:
    import pyarrow
    from pyarrow import parquet as file

    buffer = io.BytesIO()
    file.write_table(pyarrow.Table.from_pylist(list(rows)), buffer)
    return buffer.getvalue()


def parquet_of_columns(names: list[str], *columns: list[Any]) -> bytes:
    import pyarrow
    from pyarrow import parquet as file

    buffer = io.BytesIO()
    arrays = [pyarrow.array(column) for column in columns]
    file.write_table(pyarrow.Table.from_arrays(arrays, names=names), buffer)
    return buffer.getvalue()


def parquet_bomb() -> bytes:
    import pyarrow
    from pyarrow import parquet as file

    buffer = io.BytesIO()
    places = pyarrow.array([0] * 2_000_000, pyarrow.int32())
    column = pyarrow.DictionaryArray.from_arrays(places, ["a" * 100])
    file.write_table(pyarrow.table({"text": column}), buffer)
    return buffer.getvalue()


QA = {"instruction": "Add 1 and 2.", "output": "3"}
CHAT = chat("user", "assistant")
TEXT = {"text": "A fine film.", "label": "good"}
DULL = {"text": "A dull film.", "label": "bad"}
PAIR = {"prompt": "hi", "chosen": "yes", "rejected": "no"}
JUDGED = {**CHAT, "label": True}
RATED = {"text": "A fine film.", "reward": 0.5}
CSV = b"text,label\nA fine film.,good\nA dull film.,bad\n"
CHINESE = "细胞理论是生物科学的一个理论。\n它说所有的生物都由细胞组成。\n".encode("gbk")
MEBIBYTE = gzip.compress(b" " * 2**20)


class Bad(NamedTuple):
    """A file by its name and content, and what the message must say after the file's path."""

    id: str
    name: str
    content: bytes | Callable[[], bytes]
    objective: str
    said: str
    data: dict[str, Any] = {}  # noqa: RUF012 (nobody changes it)
    rows_left: int | None = None
    """How many records are used where bad rows are skipped; None where that does not help."""


def rows(id_: str, objective: str, good: dict, bad: Any, said: str) -> Bad:
    """Two good rows with a bad one between them, as JSON lines."""
    content = lines(good, bad, good)
    return Bad(id_, "rows.jsonl", content, objective, rf" line 2{said}", rows_left=2)


WHOLE_FILES = [
    Bad("empty", "rows.jsonl", b"", "sft", r" is empty \(0 bytes\); download"),
    Bad("white space", "rows.csv", b" \r\n\t\n", "sft", " contains only white space; download"),
    Bad("byte order mark only", "rows.json", b"\xef\xbb\xbf", "sft", " contains only white"),
    Bad("empty list", "rows.json", b"[]", "sft", " is an empty list; add records"),
    Bad("one number", "rows.json", b"3", "sft", " is int 3; it must be a list of records"),
    Bad("null", "rows.json", b"null", "sft", " is null; it must be a list"),
    Bad("truncated list", "rows.json", listed(QA, QA)[:-20], "sft",
        " line 1 column .*the file ends too early; download"),
    Bad("truncated in a string", "rows.json", json.dumps([QA, QA], indent=1).encode()[:70], "sft",
        " line 7 column 3: Unterminated string.*ends too early"),
    Bad("truncated object", "rows.json", json.dumps(QA, indent=1).encode()[:-2], "sft",
        ".*ends too early"),
    Bad("trailing comma", "rows.json", listed(QA)[:-1] + b",]", "sft",
        " line 1 column .*not valid JSON; repair"),
    Bad("Python, not JSON", "rows.json", str([QA]).encode(), "sft",
        " line 1 column .*not valid JSON"),
    Bad("cut in a quoted cell", "rows.csv", CSV + b'"A fi', "classification",
        " line 4: unexpected end of data; close its quotes"),
    Bad("quote within a cell", "rows.csv", CSV + b'"A "fine" film",good\n', "classification",
        " line 4: ',' expected after '\"'; close its quotes"),
    Bad("UTF-16", "rows.jsonl", lines(QA).decode().encode("utf-16"), "sft",
        " is UTF-16, not UTF-8; set data.encoding: utf-16, or save"),
    Bad("UTF-16, big end first", "rows.jsonl", b"\xfe\xff" + lines(QA).decode().encode("utf-16-be"),
        "sft", " is UTF-16, not UTF-8; set data.encoding: utf-16,"),
    Bad("UTF-16 without a mark", "rows.jsonl", lines(QA).decode().encode("utf-16-le"), "sft",
        " is UTF-16-LE, not UTF-8; set data.encoding: utf-16-le"),
    Bad("UTF-16 of Chinese", "rows.txt", CHINESE.decode("gbk").encode("utf-16-be"), "clm",
        " is UTF-16-BE, not UTF-8; set data.encoding: utf-16-be"),
    Bad("UTF-32", "rows.jsonl", lines(QA).decode().encode("utf-32"), "sft",
        " is UTF-32, not UTF-8; set data.encoding: utf-32"),
    Bad("GBK", "rows.txt", b"\n" + CHINESE, "clm",
        r" line 2 is not UTF-8 \(byte 0x.*looks like GBK: set data.encoding: gb18030"),
    Bad("GBK in a table", "rows.csv", b"text,label\n" + CHINESE.replace(b"\n", b",0\n"),
        "classification", " line 2 is not UTF-8.*set data.encoding: gb18030"),
    Bad("Latin-1", "rows.txt", "déjà vu à la carte".encode("latin-1"), "clm",
        r" line 1 is not UTF-8 \(byte 0xe9\); set data.encoding to its encoding"),
    Bad("not as data.encoding says", "rows.txt", CHINESE[:-2], "clm",
        " line 1 is not SHIFT_JIS .*; set data.encoding to its encoding",
        {"encoding": "shift_jis"}),
    Bad("UTF-8 where data.encoding says UTF-16", "rows.jsonl", lines(QA, QA), "sft",
        " is not utf-16 as set in data.encoding; correct data.encoding", {"encoding": "utf-16"}),
    Bad("zero bytes", "rows.txt", b"\0\1\2\3\0\0\0" * 50, "clm", " is binary, not UTF-8 text"),
    Bad("HTML page", "rows.json", b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><body>404</body></html>",
        "sft", " is an HTML page; download the raw file"),
    Bad("HTML page as a table", "rows.csv", b"<HTML lang='en'>,", "sft", " is an HTML page"),
    Bad("HTML page as parquet", "rows.parquet", b"<html></html>", "sft", " is an HTML page"),
    Bad("Git LFS pointer", "rows.json",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "sft",
        " is a Git LFS pointer, not the data itself; run `git lfs pull`"),
    Bad("Git LFS pointer as .gz", "rows.json.gz", b"version https://git-lfs.github.com/spec/v1\n",
        "sft", " is a Git LFS pointer"),
    Bad("ZIP archive", "rows.csv", b"PK\x03\x04" + bytes(40), "sft",
        " is a ZIP archive.*unpack it"),
    Bad("zstd", "rows.jsonl", b"\x28\xb5\x2f\xfd" + bytes(40), "sft",
        " is packed with zstd, despite"),
    Bad("parquet by another name", "rows.json", parquet(QA), "sft", " is a Parquet file.*name it"),
    Bad("packed twice", "rows.json.gz", gzip.compress(gzip.compress(listed(QA))), "sft",
        " is packed twice, despite its name; unpack it once"),
    Bad("not packed", "rows.jsonl.gz", lines(QA), "sft",
        r" is not a gzip file .*remove .gz from its name"),
    Bad("packed, truncated", "rows.jsonl.gz", gzip.compress(lines(QA, QA))[:-9], "sft",
        " is a broken gzip file .*download it again"),
    Bad("compressed bomb", "rows.jsonl.gz", MEBIBYTE * 5_000, "sft",
        r" grows from [\d,]+ bytes to more than .*unpack it yourself if you trust it"),
    Bad("parquet bomb", "rows.parquet", parquet_bomb, "clm",
        " grows from .* bytes to 2,000,000 rows, too much for text"),
    Bad("parquet, truncated", "rows.parquet", parquet(QA)[:-9], "sft",
        " is not a readable parquet file"),
    Bad("parquet of no rows", "rows.parquet", lambda: parquet_of_columns(["text"], []), "clm",
        " holds no records"),
    Bad("parquet, two columns of one name", "rows.parquet",
        lambda: parquet_of_columns(["text", "text"], ["a"], ["b"]), "clm",
        ": two columns are named text; rename one"),
    Bad("deep nesting", "rows.json", b"[" * 100_000, "sft", ": lists or objects are nested too de"),
    Bad("deep nesting of objects", "rows.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "sft",
        ": lists or objects are nested too deeply; flatten or remove"),
    Bad("header only", "rows.csv", b"text,label\n", "classification", " holds a header and no rec"),
    Bad("header twice", "rows.csv", b"text,Text\na,b\n", "clm",
        " line 1: two columns are named text; rename one"),
    Bad("empty cells", "rows.csv", b",\n,\n", "classification", " contains only empty cells"),
    Bad("three columns, no header", "rows.csv", b"1,a,x\n2,b,y\n", "classification",
        " has 3 columns and its first row names no known field; name the columns"),
    Bad("unknown fields", "rows.jsonl", lines({"ask": "a", "tell": "b"}), "sft",
        " line 1 has the fields: ask, tell; rename them, or name them in data.columns, as one of"),
    Bad("another objective", "rows.jsonl", lines(TEXT, DULL), "sft",
        " holds labelled texts .*objective sft reads chats; set objective: classification"),
    Bad("a column that is not there", "rows.csv", CSV, "classification",
        " has no column 'sentence'", {"columns": {"text": "sentence"}}),
    Bad("a fraction among names", "rows.jsonl", lines(TEXT, {**TEXT, "label": 0.5}),
        "classification", r" line 2: label 0\.5 has a fraction, and the train files hold words"),
    Bad("labels that may mean the same", "rows.csv", b"text,label\na,1\nb,01\nc,one\n",
        "classification", r" line 3: label '01' may mean the same as '1' \(labels: 01, 1, one\)"),
    Bad("a 0 or 1 for each label", "rows.jsonl",
        lines({"text": "a", "labels": [0, 1, 0]}, {"text": "b", "labels": [1, 0, 0]}),
        "classification", r" line 1: label is \['0', '1', '0'\], a 0 or 1 for each of 3 labels"),
    Bad("no answers at all", "rows.jsonl", lines(chat("user"), chat("user")), "sft",
        r" line 1: no answer \(turns: user\)"),
]  # fmt: skip

SINGLE_ROWS = [
    rows("broken line", "sft", QA, None, "")._replace(
        content=lines(QA) + b'{"instruction": "Add", oops}\n' + lines(QA),
        said=" line 2 column 24: .*not valid JSON; repair or remove the line"),
    rows("broken first line", "sft", QA, None, "")._replace(
        content=b'{"instruction": oops}\n' + lines(QA, QA),
        said=" line 1 column 17: .*not valid JSON"),
    rows("truncated last line", "sft", QA, None, "")._replace(
        content=lines(QA, QA, QA)[:-9], said=" line 3 column .*ends too early; download"),
    rows("a number between records", "sft", QA, 3, " is int 3; a record is an object with fields"),
    rows("a null between records", "sft", QA, None, " is null; a record is an object"),
    rows("another format", "sft", QA, CHAT, " is messages, but the file began as alpaca; split"),
    rows("a labelled text among rated ones", "reward", RATED, TEXT, ": no reward "),
    rows("a pair among chats", "sft", CHAT, {**CHAT, "rejected": "x"}, " has the field rejected"),
    rows("a field is missing", "sft", QA, {"instruction": "a"}, r" has no field output; add it .*"
         r"\(it has: instruction\)"),
    rows("no fields", "sft", QA, {}, r" has no field instruction; .*\(it has: none\)"),
    rows("a list for a text", "sft", QA, {**QA, "instruction": ["3"]},
         r": instruction is list \['3'\]; it must be a string"),
    rows("an object for an answer", "sft", QA, {**QA, "output": {"a": 1}},
         r": output is dict \{'a': 1\}; it must be a string or turns"),
    rows("an object for a text", "dpo", PAIR, {**PAIR, "prompt": {"a": 1}}, ": prompt is dict "),
    rows("infinity for a text", "clm", {"text": "a"}, {"text": float("inf")},
         ": text is float inf; it must be a string"),
    rows("half a surrogate pair", "sft", QA, {**QA, "output": "a\ud83d"},
         ": output holds an unpaired surrogate at character 2"),
    rows("text for turns", "sft", CHAT, {"messages": "hi"}, ": messages is str 'hi'; it must be a"),
    rows("a turn that is none", "sft", CHAT, {"messages": ["hi"]}, " turn 1 is str 'hi'; a turn"),
    rows("an unknown role", "sft", CHAT, chat("user", "robot"), " turn 2: role str 'robot' is "),
    rows("a role that is no name", "sft", CHAT, {"messages": [{"role": 1, "content": "a"}]},
         " turn 1: role int 1 is unknown"),
    rows("a turn without content", "sft", CHAT, {"messages": [{"role": "user"}]},
         r" turn 1 has no field content \(it has role\)"),
    rows("no turns", "sft", CHAT, {"messages": []}, r": no answer \(turns: none\); add a turn"),
    rows("no answer", "sft", CHAT, chat("system", "user"), r": no answer \(turns: system, user\)"),
    rows("an empty answer", "sft", QA, {**QA, "output": " "}, ": empty answer .output is str ' '"),
    rows("a null answer", "sft", QA, {**QA, "output": None}, r": empty answer \(output is null\)"),
    rows("answers only", "sft", CHAT, chat("system", "assistant"),
         r": begins with an answer \(turns: system, assistant\); begin with a turn"),
    rows("a tool's result for the user", "sft", CHAT, chat("user", "tool", "assistant"),
         r": roles out of order \(turns: user, tool, assistant\); let user and assistant take"),
    rows("a user's call", "sft", CHAT, {"messages": [
        {"role": "user", "content": "a", "tool_calls": [{"name": "b", "arguments": {}}]}]},
         " turn 1: a turn by user calls a tool; only answers do"),
    rows("a call without a name", "sft", CHAT, {"messages": [
        {"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [{"id": "b"}]}]},
         " turn 2: tool_calls has dict .*; a call is an object with the tool's name and arguments"),
    rows("arguments that are no JSON", "sft", CHAT, {"messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [{"name": "b", "arguments": "{c"}]}]},
         " turn 2: the arguments of a tool's call are str '{c'; they must be an object, or its"),
    rows("tools that are none", "sft", CHAT, {**CHAT, "tools": "a hammer"},
         ": tools is str 'a hammer'; it must be a list of objects, or its JSON text"),
    rows("an image", "sft", CHAT, {"messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": "a"}]}]},
         " turn 1: content has a part dict .*; only text parts are supported"),
    rows("lists of unequal length", "sft", CHAT, {"messages": {
        "role": ["user", "assistant"], "content": ["a"]}},
         r": messages has lists of unequal length \(2 of role, 1 of content\); correct them"),
    rows("more questions than answers", "sft", {"question": "a", "answer": "b"},
         {"question": ["a", "b", "c"], "answer": ["d", "e"]},
         " has 3 questions and 2 answers; correct them"),
    rows("a history of another form", "sft", QA, {**QA, "history": [["a"]]},
         r": history has list \['a'\]; it must be a list of \[question, answer\]"),
    rows("a system turn behind a result", "sft", CHAT,
         chat("user", "assistant", "tool", "system", "assistant"), ": roles out of order"),
    rows("a tool's result first", "sft", CHAT, chat("tool", "assistant"), ": roles out of order"),
    rows("a field twice", "sft", QA, None, "")._replace(
        content=lines(QA) + b'{"instruction": "a", "output": "b", "output": "c"}\n' + lines(QA),
        said=r" line 2: field str 'output' appears twice \(str 'b' and str 'c'\); remove one"),
    rows("a field of a turn twice", "sft", CHAT, None, "")._replace(
        name="rows.json",
        content=b'[%s, {"messages": [{"role": "user", "role": "assistant", "content": "a"}]}, %s]'
        % (json.dumps(CHAT).encode(), json.dumps(CHAT).encode()),
        said=" row 2: field str 'role' appears twice .*; remove one"),
    rows("deep nesting in a line", "sft", QA, None, "")._replace(
        content=lines(QA) + b'{"output": ' + b"[" * 5_000 + b"]" * 5_000 + b"}\n" + lines(QA),
        said=" line 2: lists or objects are nested too deeply"),
    rows("nesting where a text belongs", "sft", QA, None, "")._replace(
        content=lines(QA) + b'{"instruction": "a", "output": ' + b"[" * 400 + b"]" * 400 + b"}\n"
        + lines(QA),
        said=r" line 2: output is list \[\[\[\[.*it must be a string"),
    rows("nesting where a judgement belongs", "kto", JUDGED, None, "")._replace(
        content=lines(JUDGED) + json.dumps(CHAT).encode()[:-1] + b', "label": ' + b"[" * 400
        + b"]" * 400 + b"}\n" + lines(JUDGED),
        said=r" line 2: label is list \[\[\[\["),
    rows("a number of 5,000 digits", "sft", QA, None, "")._replace(
        content=lines(QA) + b'{"instruction": "a", "output": ' + b"9" * 5_000 + b"}\n" + lines(QA),
        said=" line 2: a whole number has thousands of digits; shorten or quote it"),
    rows("a line of 5 MB", "sft", QA, {**QA, "output": "a" * 5_000_000},
         r": output has 5,000,000 characters \(str 'aaa.*more than the limit of 1,000,000; split"),
    rows("a line of 5 MB that breaks off", "sft", QA, None, "")._replace(
        content=lines(QA, QA) + json.dumps({**QA, "output": "a" * 5_000_000}).encode()[:-2],
        said=" line 3 column .*ends too early"),
    rows("a field's name of 5 MB", "sft", QA, {"a" * 5_000_000: 1},
         r" has no field instruction.*\(it has: a{57}\.\.\.\)"),
    rows("a name that moves the cursor", "sft", QA, {"\x1b[2J\u202e\ud800": 1},
         r" has no field .*it has: \\x1b\[2J\\u202e\\ud800\)"),
    rows("no label", "classification", TEXT, {"text": "a"}, r": no label \(label is null"),
    rows("an empty label", "classification", TEXT, {**TEXT, "label": " "},
         r": no label \(label is str ' '\); write its label, or remove the row"),
    rows("a null label", "classification", TEXT, {**TEXT, "label": None}, ": no label"),
    rows("an object as label", "classification", TEXT, {**TEXT, "label": {"a": 1}},
         r": label is dict \{'a': 1\}; it must be a name, a number, or a list of names"),
    rows("a list in a list of labels", "classification", {**TEXT, "label": ["a"]},
         {**TEXT, "label": ["a", ["b"]]}, r": label is list \['b'\]; it must be a name, a number"),
    rows("an empty text", "classification", TEXT, {**TEXT, "text": " "},
         r": empty text \(text is str ' '\); write its text"),
    rows("a judgement in words", "kto", JUDGED, {**JUDGED, "label": "great"},
         r": label is str 'great'; it must be true \(good\) or false \(bad\)"),
    rows("a judgement between", "kto", JUDGED, {**JUDGED, "label": 0.5}, ": label is float 0.5; "),
    rows("no judgement", "kto", JUDGED, {**JUDGED, "label": None}, ": no label"),
    rows("a null reward", "reward", RATED, {**RATED, "reward": None}, ": no reward .reward is nul"),
    rows("no reward", "reward", RATED, {"text": "a"}, ": no reward"),
    *(
        rows(f"reward {shown}", "reward", RATED, {**RATED, "reward": reward},
             rf": reward is not a finite number \(reward is {re.escape(shown)}.*; write it as")
        for reward, shown in [(float("nan"), "float nan"), (float("inf"), "float inf"),
                              (-float("inf"), "float -inf"), ("0.5", "str '0.5'"),
                              (True, "bool True"), ([1], "list [1]"), (10**400, "int 1000000")]
    ),
    rows("an empty rated text", "reward", RATED, {**RATED, "text": ""}, ": empty document "),
    rows("a negative weight", "sft", QA, {**QA, "weight": -1},
        ": weight is int -1; it must be a number"),
    rows("a weight in words", "sft", QA, {**QA, "weight": "much"}, ": weight is str 'much'"),
    rows("chosen equal to rejected", "dpo", PAIR, {**PAIR, "chosen": "no"},
         r": chosen equals rejected \(chosen is str 'no'\); correct one, or remove the row"),
    rows("equal answers, as chats", "dpo", PAIR,
         {"prompt": "hi", "chosen": CHAT["messages"], "rejected": CHAT["messages"]},
         ": chosen equals rejected"),
    rows("an empty rejected answer", "reward", PAIR, {**PAIR, "rejected": ""},
         r": empty answer \(.*rejected is str ''"),
    rows("one answer only", "dpo", PAIR, {"prompt": "hi", "chosen": "a"}, " has no field rejected"),
    rows("a short row", "classification", TEXT, None, "")._replace(
        name="rows.csv", content=b"text,label\na,x\nb\nc,y\n",
        said=r" line 3 has 1 cells where the file began with 2 \(str 'b' is the last\); quote"),
    rows("a long row", "classification", TEXT, None, "")._replace(
        name="rows.csv", content=b"text,label\na,x\nb, that is,y\nc,z\n",
        said=" line 3 has 3 cells where the file began with 2"),
    rows("a long row of a TSV", "classification", TEXT, None, "")._replace(
        name="rows.tsv", content=b"a\tx\nb\tb\ty\nc\tz\n",
        said=" line 2 has 3 cells where the file began with 2"),
    rows("a line without a label in a .txt", "classification", TEXT, None, "")._replace(
        name="rows.txt", content=b"a\tx\nb\nc\tz\n", said=" line 2 has 1 cells where the file"),
    rows("an empty label in a table", "classification", TEXT, None, "")._replace(
        name="rows.csv", content=b"text,label\na,x\nb,\nc,y\n",
        said=r" line 3: no label \(label is str ''\)"),
    rows("a reward in words in a table", "reward", RATED, None, "")._replace(
        name="rows.csv", content=b"text,reward\na,1\nb,high\nc,2\n",
        said=r" line 3: reward is not a finite number \(reward is str 'high'\)"),
    rows("NaN in a table", "reward", RATED, None, "")._replace(
        name="rows.csv", content=b"text,reward\na,1\nb,nan\nc,2\n",
        said=r" line 3: reward is not a finite number \(reward is float nan\)"),
    rows("a null in parquet", "reward", RATED, None, "")._replace(
        name="rows.parquet", content=parquet(RATED, {**RATED, "reward": None}, RATED),
        said=" row 2: no reward"),
    rows("bytes in parquet", "clm", RATED, None, "")._replace(
        name="rows.parquet", content=parquet({"text": b"a"}), said=" row 1: text is bytes b'a'; it",
        rows_left=None),
]  # fmt: skip

BAD = [*WHOLE_FILES, *SINGLE_ROWS]


def written(folder: Path, case: Any) -> Path:
    path = folder / case.name
    path.write_bytes(case.content if isinstance(case.content, bytes) else case.content())
    return path


def sources(path: Path, objective: str, **data: Any) -> Sources:
    """The records that a trial gets, classes checked as well."""
    asked = {"train": str(path), **data}
    config = TrialConfig(model="m", objective=objective, data=asked, **rewards_for(objective))
    found = Sources.read(config)
    targets_for(config, found)
    return found
