"""The rooms of the packages, as docs/architecture.md tells of them."""

from __future__ import annotations

import re
from pathlib import Path

from longest_files import LONGEST

TOP = Path(__file__).parents[1]
MOST_FILES = 20


def rooms(package: str) -> set[str]:
    return {
        path.parent.relative_to(TOP).as_posix().replace("/", ".")
        for path in (TOP / package).glob("*/__init__.py")
    }


def test_the_table_of_rooms_names_each_of_them():
    text = (TOP / "docs" / "architecture.md").read_text()
    table = text[text.index("## Packages and rooms") : text.index("## Flow")]
    named = set()
    for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE):
        first, *others = re.findall(r"`([\w.]+)`", row) or [""]
        named |= {first, *(f"{first.partition('.')[0]}.{other}" for other in others)}
    there = rooms("sweeps") | rooms("trainables") | rooms("results")
    assert there <= named, f"missing in the table: {sorted(there - named)}"


def test_a_room_is_seen_in_one_look():
    for package in ("sweeps", "trainables", "results", "search_spaces"):
        for init in (TOP / package).rglob("__init__.py"):
            files = [path for path in init.parent.glob("*.py") if path != init]
            assert len(files) <= MOST_FILES, f"{init.parent} has {len(files)} files"


def test_the_files_of_tests_that_come_first_are_there():
    assert [name for name in LONGEST if not (TOP / "tests" / name).is_file()] == []
