"""docs/data.md says what the reader does."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest
from bad_files import BAD, SINGLE_ROWS, WHOLE_FILES
from data_samples import REAL_DATA, left_out, needs_real_data, read_records, write_json
from odd_files import ODD

from trainables.core.data_error import DataError
from trainables.data.records.formats import READ_BY, Gives

INPUTS = Path("docs/reliability.md").read_text(encoding="utf-8")
PAGE = Path("docs/data.md").read_text(encoding="utf-8")
EXAMPLES = [
    json.loads(line)
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
TABLE = [
    [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
    for line in PAGE.splitlines()
    if re.match(r"\| `[\w.-]+` \| \w+ \| \w+ \| [\d,]+ \|", line)
]


def readings(example, folder):
    """The example as each objective that can reads it."""
    path = write_json(folder / "rows.json", [example])
    for objective in READ_BY:
        with contextlib.suppress(DataError):
            yield read_records(path, objective)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: str(each)[:50])
def test_every_example_record_can_be_used(tmp_path, example):
    found = list(readings(example, tmp_path))
    assert found
    assert not any(file.records[0].reason_to_drop() for file in found)


def test_every_kind_of_record_and_every_named_format_has_an_example(tmp_path):
    formats = [file.format for each in EXAMPLES for file in readings(each, tmp_path)]
    assert {each.gives for each in formats} == set(Gives)
    named = set(re.findall(r"`(\w+_pair|sharegpt|alpaca|prompt_completion|chosen_messages)`", PAGE))
    assert named - {"messages_pair"} <= {each.name for each in formats}


@needs_real_data
@pytest.mark.parametrize("line", TABLE, ids=lambda line: line[0])
def test_the_table_of_real_files_is_what_the_reader_gives(line):
    name, objective, format_, rows, used, unused = line
    (path,) = REAL_DATA.glob(f"*/{name}")
    file = read_records(path, objective)
    reasons = left_out(file)
    total = len(file.records) + len(file.bad)
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items()) or "none"
    found = [file.format.name, f"{total:,}", f"{total - sum(reasons.values()):,}", dropped]
    assert found == [format_, rows, used, unused]


@needs_real_data
def test_the_table_has_all_real_files():
    folders = ("sft", "chat", "pref", "reward", "cls", "corpus")
    found = {path.name for folder in folders for path in (REAL_DATA / folder).iterdir()}
    assert {line[0] for line in TABLE} == found - {"dataset_info.json"}


def rows_of_page(heading: str) -> dict[str, str]:
    """From the first to the last cell of the rows in the tables of a section."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", INPUTS, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^\| (.*?) \| .*? \| (.*) \|$", section, re.MULTILINE)
    return {name: cell for name, cell in lines if name not in ("input", "---")}


def test_the_page_has_every_bad_input_and_what_is_said_of_it():
    found = rows_of_page("Bad input")
    assert list(found) == [case.id for case in BAD]
    for case in BAD:
        said = found[case.id].replace("\\|", "|")
        assert re.match(rf"(data\.columns\.\w+: )?{case.name}{case.said}", said), said
    for count in (len(BAD), len(WHOLE_FILES), len(SINGLE_ROWS)):
        assert re.search(rf"^{count} \w+ that", INPUTS, re.MULTILINE)


def test_the_page_has_every_odd_input():
    found = rows_of_page("Odd input")
    assert found == {case.id: str(len(case.found)) for case in ODD}
    assert f"{len(ODD)} inputs that are merely odd" in INPUTS
