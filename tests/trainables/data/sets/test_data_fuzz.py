"""Whatever a file holds, it gives records or a DataError; never another exception, and soon."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from bad_files import BAD, CHAT, DULL, JUDGED, PAIR, QA, RATED, TEXT, lines, listed, parquet
from cpu_time import within
from data_samples import tiny_tokenizer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainables.config.roles import KNOWN_NAMES
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.data.files.origin import SUFFIXES
from trainables.data.records.formats import READ_BY
from trainables.data.records.turns import ROLES
from trainables.data.sets.draft import draft
from trainables.data.sets.sources import Sources
from trainables.data.sets.summary import Summary

QUICK = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
OBJECTIVES = sorted(READ_BY)
REWARDED = {"rewards": {"eval_ended": 1.0}}
ENCODINGS = ["utf-8", "utf-16", "gb18030", "latin-1", "utf-32-be", "shift_jis", "euc_kr"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.sampled_from(["", " ", "yes", "\ud800", "{{name}}", "<s>", *ROLES]),
)
NAMES = st.sampled_from([*sorted(KNOWN_NAMES), "role", "content", "from", "value", "loss_weight"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TURNS = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from([*ROLES, "bot", 3]), "content": SCALARS},
        optional={"loss_weight": SCALARS, "tool_calls": SCALARS},
    ),
    max_size=4,
)
GOOD = [QA, CHAT, TEXT, DULL, PAIR, JUDGED, RATED, {"text": "a"}]
NEARLY = st.builds(
    lambda row, changes: {**row, **changes},
    st.sampled_from(GOOD),
    st.dictionaries(NAMES, VALUES | TURNS, max_size=2),
)
ROWS = st.lists(NEARLY | st.dictionaries(NAMES, VALUES | TURNS, max_size=4) | VALUES, max_size=5)


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


def used(path, objective, tokenizer=None, **data: Any) -> None:
    """Read the file as a trial does, up to its sets in memory; a DataError has words."""
    config = TrialConfig(
        model="m",
        objective=objective,
        data={"train": str(path), "validation": 0.3, **data},
        rl=REWARDED,
    )
    try:
        with within(5.0):
            sources = Sources.read(config)
            if tokenizer is not None:
                drafted = draft(sources, config, tokenizer, 64)
                drafted.summary(sources, 64, ()).save(path.with_suffix(".summary"))
    except DataError as error:
        assert str(error).isprintable() and len(str(error)) < 2_000
        str(error).encode()


@given(
    content=st.binary(max_size=300),
    suffix=st.sampled_from([*SUFFIXES, ".jsonl.gz"]),
    objective=st.sampled_from(OBJECTIVES),
    encoding=st.sampled_from(ENCODINGS),
    skip=st.booleans(),
)
@QUICK
def test_any_bytes(tmp_path, content, suffix, objective, encoding, skip):
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content)
    used(path, objective, encoding=encoding, bad_rows="skip" if skip else "few")


@given(
    content=st.text(st.sampled_from('abtextlabel01,;\t\n\r"{}[]:\\u. \ufeff好'), max_size=80),
    suffix=st.sampled_from([".json", ".csv", ".tsv", ".txt"]),
    objective=st.sampled_from(OBJECTIVES),
    skip=st.booleans(),
)
@QUICK
def test_any_text_of_delimiters(tmp_path, content, suffix, objective, skip):
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content.encode())
    used(path, objective, bad_rows="skip" if skip else "few")


@given(rows=ROWS, objective=st.sampled_from(OBJECTIVES), skip=st.booleans(), as_lines=st.booleans())
@QUICK
def test_any_json(tmp_path, tokenizer, rows, objective, skip, as_lines):
    path = tmp_path / "rows.json"
    path.write_bytes(lines(*rows) if as_lines else listed(*rows))
    used(path, objective, tokenizer, bad_rows="skip" if skip else "few")


def of(objective: str, number: int) -> dict[str, Any]:
    """A good row, unlike those of other numbers."""
    text = f"number {number}"
    good = {
        "sft": (a_chat := {"instruction": text, "output": "3"}),
        "grpo": a_chat,
        "ppo": a_chat,
        "rloo": a_chat,
        "clm": {"text": text},
        "classification": {"text": text, "label": number % 2},
        "dpo": (a_pair := {**PAIR, "prompt": text}),
        "orpo": a_pair,
        "simpo": a_pair,
        "kto": {"prompt": text, "completion": "yes", "label": number % 2 == 0},
        "reward": {"text": text, "reward": number / 2},
    }
    return good[objective]


@given(
    objective=st.sampled_from(OBJECTIVES),
    changes=st.lists(st.dictionaries(NAMES, VALUES | TURNS, max_size=2) | SCALARS, max_size=4),
)
@QUICK
def test_good_rows_among_which_some_are_bad_give_sets(tmp_path, tokenizer, objective, changes):
    """Where the rows are skipped that cannot be used, the others are a set whatever these held."""
    good = [of(objective, number) for number in range(8)]
    changed = [
        {**of(objective, number), **change} if isinstance(change, dict) else change
        for number, change in enumerate(changes, start=8)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*good, *changed))
    config = TrialConfig(
        model="m",
        objective=objective,
        data={"train": str(path), "validation": 0.3, "bad_rows": "skip"},
        rl=REWARDED,
    )
    sources = Sources.read(config)
    made = draft(sources, config, tokenizer, 64)
    summary = made.summary(sources, 64, ())
    summary.save(tmp_path / "summary.json")
    assert Summary.load(tmp_path / "summary.json").describe() == summary.describe()
    assert summary.records == len(good) + len(changed)
    assert 8 <= summary.files[0].used <= summary.records


VALID = [
    ("rows.json", json.dumps(GOOD, indent=1).encode()),
    ("rows.jsonl", lines(QA, QA, QA)),
    ("rows.jsonl.gz", gzip.compress(lines(CHAT, CHAT), mtime=0)),
    ("rows.csv", b'text,label\n"a, ""b""",x\r\nc,y\n'),
    ("rows.tsv", '"好"\t1\n坏\t0\n'.encode()),
    ("rows.parquet", parquet(RATED, {**RATED, "reward": 1.0}, RATED)),
]
EDITS = st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=3)), max_size=4)


@given(
    valid=st.sampled_from(VALID),
    edits=EDITS,
    kept=st.integers(0, 3_000),
    objective=st.sampled_from(OBJECTIVES),
    skip=st.booleans(),
)
@QUICK
def test_valid_files_with_bytes_changed_and_the_end_cut_off(
    tmp_path, valid, edits, kept, objective, skip
):
    name, content = valid
    raw = bytearray(content)
    for place, replacement in edits:
        at = place % len(raw)
        raw[at : at + len(replacement)] = replacement
    path = tmp_path / name
    path.write_bytes(bytes(raw[: kept % (2 * len(raw)) or 1]))
    used(path, objective, bad_rows="skip" if skip else "few")


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("skip", [False, True])
def test_each_bad_file_for_each_objective(tmp_path, objective, skip):
    for case in BAD:
        path = tmp_path / case.name
        path.write_bytes(case.content if isinstance(case.content, bytes) else case.content())
        if "bomb" not in case.id:
            used(path, objective, bad_rows="skip" if skip else "few")
