"""Every YAML example in the documentation is (part of) a sweep file that is accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sweeps.spec.spec import SweepSpec
from sweeps.spec.yaml_file import parse_yaml
from trainables.objectives.registry import OBJECTIVES

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S))
]

REST = {
    "name": "example",
    "model": "builtin:pydoc",
    "data": {"train": "train.jsonl"},
    "budget": {"trials": 4},
    "slots": {"prices": {"worker": 1.0}},
    "space": {"learning_rate": {"log_uniform": [1e-5, 1e-3]}},
}
"""What a reader has in the file already."""

_FILE = re.compile(r"[\w/-]+\.(?:jsonl|csv|txt|md|py)\b|\bdocuments\b")

_FUNCTION = re.compile(r"([\w/-]+\.py):(\w+)")


def completed(example: dict[str, Any]) -> dict[str, Any]:
    """The example with the rest of a file, of which it may state a section's other fields, and
    with an objective that reads its sections."""
    able = [each for each, kind in OBJECTIVES.items() if kind.sections.keys() & example.keys()]
    objective = {"objective": able[0]} if able else {}
    merged = {
        key: {**REST[key], **example[key]}
        for key in ("data", "budget", "slots")
        if isinstance(example.get(key), dict)
    }
    return {**REST, **objective, **example, **merged}


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_accepted(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("train.jsonl", *_FILE.findall(text)):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    for name, function in _FUNCTION.findall(text):
        with Path(name).open("a") as file:
            file.write(f"\ndef {function}(*given): ...\n")
    example = parse_yaml(text, "example")
    spec = SweepSpec.parse(completed(example))
    assert spec.trials > 0 and set(example) <= set(spec.tree)


def test_there_are_examples_on_the_pages_that_explain_a_section():
    pages = {str(each.id).rpartition("-")[0] for each in EXAMPLES}
    assert {"README", "caps", "data", "metrics", "retrieval", "rl", "search", "winners"} <= pages
