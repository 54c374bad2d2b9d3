"""`data.bad_rows`: a few rows that teach nothing are left out and counted; anything else is not."""

from __future__ import annotations

import pytest
from bad_files import sources
from data_samples import alpaca_rows, config, tiny_tokenizer, write_lines
from pydantic import ValidationError

from trainables.config.data import DataConfig
from trainables.core.data_error import DataError
from trainables.data.sets.draft import draft

EMPTY = {"instruction": "Say nothing.", "output": " "}
LONG = {"instruction": "Say a lot.", "output": "a" * 1_000_001}


def pair(number: int, equal: bool = False) -> dict[str, str]:
    return {"prompt": f"Add {number}.", "chosen": "yes", "rejected": "yes" if equal else "no"}


def chat(number: int, *roles: str) -> dict[str, object]:
    return {"messages": [{"role": role, "content": f"{role} {number}"} for role in roles]}


def sums(count: int) -> list[dict[str, str]]:
    return [{"question": f"{n}+1?", "answer": f"so\n#### {n + 1}"} for n in range(count)]


PAIR = pair(0)

FAULTS = [
    ("sft", [EMPTY], alpaca_rows(99), "empty answer"),
    ("grpo", [{"instruction": " ", "output": "4"}], alpaca_rows(99), "empty question"),
    ("grpo", [{"question": "", "answer": "4"}], sums(99), "empty question"),
    ("grpo", [{"question": ""}], [{"question": f"{n}?"} for n in range(99)], "empty question"),
    ("grpo", [{"question": "1?", "answer": "#### "}], sums(99), "empty answer"),
    ("sft", [{"question": "1?", "answer": "so:\n####\n"}], sums(99), "empty answer"),
    ("sft", [LONG], alpaca_rows(99), "text too long"),
    (
        "sft",
        [chat(0, "user")],
        [chat(n, "user", "assistant") for n in range(99)],
        "no answer",
    ),
    ("dpo", [pair(0, equal=True)], [pair(n) for n in range(99)], "chosen equals rejected"),
    ("reward", [pair(0, equal=True)], [pair(n) for n in range(99)], "chosen equals rejected"),
    ("kto", [pair(0, equal=True)], [pair(n) for n in range(99)], "chosen equals rejected"),
]


@pytest.mark.parametrize(("objective", "bad", "good", "reason"), FAULTS)
def test_one_row_in_a_hundred_that_teaches_nothing_is_left_out_and_counted(
    tmp_path, objective, bad, good, reason
):
    path = write_lines(tmp_path / "rows.jsonl", [*good, *bad])
    settings = config(path, objective, validation=0.2)
    found = sources(path, objective, validation=0.2)
    summary = draft(found, settings, tiny_tokenizer(), 64).summary(found, 64, ())
    assert (summary.records, summary.dropped) == (100, {reason: 1})
    assert summary.first_dropped == {reason: f"{path} line 100"}
    assert f"rows.jsonl: 1 bad row left out, the first: ({path} line 100: " in summary.describe()


@pytest.mark.parametrize(("objective", "bad", "good", "reason"), FAULTS)
def test_more_are_refused_with_the_first_the_counts_and_the_way_out(
    tmp_path, objective, bad, good, reason
):
    path = write_lines(tmp_path / "rows.jsonl", [*good[:-2], *bad, *bad])
    said = f"^{path} line 98: .*{reason if reason != 'text too long' else 'characters'}"
    counts = rf"\(2 {reason}, of 99 rows\) are left out up to 1% of a file; --skip-bad-rows skips"
    with pytest.raises(DataError, match=f"{said}.*{counts}"):
        sources(path, objective)


@pytest.mark.parametrize(("rows", "bad", "fits"), [(1000, 10, True), (1000, 11, False), (99, 1, 0)])
def test_few_is_one_percent_of_all_rows_of_the_file(tmp_path, rows, bad, fits):
    path = write_lines(tmp_path / "rows.jsonl", [*alpaca_rows(rows - bad), *[EMPTY] * bad])
    if fits:
        (file,) = sources(path, "sft").train
        assert (len(file.records), len(file.bad)) == (rows - bad, bad)
    else:
        with pytest.raises(DataError, match=f"{bad} empty answer, of {rows:,} rows"):
            sources(path, "sft")


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"ask": "a"}, "has no field instruction"),
        (3, "is int 3; a record is an object"),
        ({"instruction": "a", "output": {"b": 1}}, "output is dict"),
        ({"instruction": "a"}, "has no field output"),
        ({"messages": []}, "is messages, but the file began as alpaca"),
    ],
)
def test_one_row_that_smells_of_a_misread_file_is_refused_among_any_number(tmp_path, odd, said):
    path = write_lines(tmp_path / "rows.jsonl", [*alpaca_rows(500), odd])
    with pytest.raises(DataError, match=f"^{path} line 501.*{said}.*--skip-bad-rows skips"):
        sources(path, "sft")


def test_strict_refuses_the_first_and_skip_leaves_out_all(tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", [*alpaca_rows(200), EMPTY, {"ask": 1}])
    with pytest.raises(DataError, match=r"line 201: empty answer .*; --skip-bad-rows skips such"):
        sources(path, "sft", bad_rows="strict")
    (file,) = sources(path, "sft", bad_rows="skip").train
    assert (len(file.records), len(file.bad)) == (200, 2)


def test_the_old_name_is_refused_with_the_new_one():
    with pytest.raises(ValidationError, match="skip_bad_rows is now bad_rows; write bad_rows: few"):
        DataConfig(train="a.json", skip_bad_rows=True)


def test_answers_to_nothing_can_be_learned(tmp_path):
    """As in files of completions alone, whose prompts are all empty."""
    rows = [{"prompt": "", "completion": f"{n} and so on"} for n in range(20)]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    found = sources(path, "sft", validation=0.2)
    assert sum(len(each.records) for each in found.train) == 20
