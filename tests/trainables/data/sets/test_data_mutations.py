"""Records of every shape, changed at random: records or a DataError, and every row is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cpu_time import within
from data_samples import tiny_tokenizer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.data.records.formats import READ_BY
from trainables.data.records.turns import ROLES
from trainables.data.sets.draft import draft
from trainables.data.sets.sources import Sources
from trainables.objectives.registry import OBJECTIVES

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CALL = {"id": "c", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
SAID = st.one_of(
    st.sampled_from(["hi", "", " ", "Human: a\n\nAssistant: b", '{"name": "add"}', "[1]", "<s>"]),
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(),
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "reasoning", "tool_call", "image_url", 3, []])},
            optional={"text": st.sampled_from(["a", None, 3, CALL]), "value": st.just("b")},
        )
        | st.sampled_from(["a", 3, None, [], CALL]),
        max_size=3,
    ),
)
TURN = st.builds(
    lambda spelling, role, said, more: {spelling[0]: role, spelling[1]: said, **more},
    st.sampled_from([("role", "content"), ("from", "value"), ("speaker", "text"), ("role", "x")]),
    st.sampled_from([*ROLES, "User", "robot", 3, None, [], "user", "assistant"]),
    SAID,
    st.dictionaries(
        st.sampled_from(
            ["tool_calls", "function_call", "weight", "train", "name", "tool_call_id", "thinking"]
        ),
        st.sampled_from([None, 0, 1, True, 0.5, "a", [CALL], CALL, [3], {}, "[{}]", [{"name": 3}]]),
        max_size=2,
    ),
)
TURNS = st.lists(TURN, max_size=5) | st.lists(st.sampled_from(["a", "b"]), max_size=3)
ANSWER = SAID | TURN | TURNS | st.builds(lambda text: {"text": text, "start": [0]}, SAID)
PARALLEL = st.fixed_dictionaries(
    {"role": st.lists(st.sampled_from(["user", "assistant"])), "content": st.lists(SAID)}
)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "messages": TURNS | PARALLEL | SAID,
        "conversations": TURNS,
        "dialog": TURNS,
        "instruction": SAID,
        "input": SAID,
        "output": ANSWER,
        "question": SAID | TURNS,
        "answers": ANSWER,
        "chosen": ANSWER,
        "rejected": ANSWER,
        "history": TURNS | st.lists(st.lists(SAID, max_size=3), max_size=2),
        "context": ANSWER,
        "system": SAID,
        "tools": st.sampled_from([None, "", "[]", "x", [CALL], CALL, [3], 3, "{}"]),
        "text": SAID,
        "label": SAID,
        "reward": SAID,
    },
)
NAMES = st.sampled_from(["data", "rows", "a1", "0", "1", "prompt", "answer", "columns", "version"])


@st.composite
def records(draw):
    """RECORD, with a name that is shorter in hypothesis' reports."""
    return draw(RECORD)


OBJECT = st.recursive(
    records() | st.lists(records(), max_size=3) | st.sampled_from(["a", 3, None]),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=5,
)
COLUMNS = st.dictionaries(
    st.sampled_from(["prompt", "completion", "text", "messages"]),
    st.sampled_from(["answers.text", "answers.text.0", "a.b", ".", "input", "messages.1", 0, 1]),
    max_size=2,
)


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


def read(path, objective: str, tokenizer, **data: Any) -> Sources | None:
    """The sources and the sets of a file as a trial gets them; None after a DataError."""
    rewarded = OBJECTIVES[objective].rolls_out
    config = TrialConfig(
        model="m",
        objective=objective,
        data={"train": str(path), "validation": 0.3, **data},
        **({"rl": {"rewards": {"eval_exact_match": 1.0}}} if rewarded else {}),
    )
    sources = None
    try:
        with within(5.0):
            sources = Sources.read(config)
            draft(sources, config, tokenizer, 64)
    except DataError as error:
        assert str(error).isprintable() and len(str(error)) < 3_000
    return sources


@given(
    rows=st.lists(RECORD, min_size=1, max_size=4),
    objective=st.sampled_from(sorted(READ_BY)),
    policy=st.sampled_from(["few", "strict", "skip"]),
    columns=COLUMNS,
)
@QUICK
def test_records_of_every_shape(tmp_path, tokenizer, rows, objective, policy, columns):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    found = read(path, objective, tokenizer, bad_rows=policy, columns=columns)
    if found is not None:
        (file,) = found.train
        assert len(file.records) + len(file.bad) == len(rows) + 1
        assert policy == "skip" or not file.bad
        used = {record.where for record in file.records}
        assert all(used.issuperset(places) for places in file.adjusted.values())


@given(whole=OBJECT, objective=st.sampled_from(sorted(READ_BY)), columns=COLUMNS)
@QUICK
def test_any_object_around_records(tmp_path, tokenizer, whole, objective, columns):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(whole, indent=1))
    read(path, objective, tokenizer, bad_rows="skip", columns=columns)


GOOD = [{"messages": [{"role": "user", "content": f"{n}"}, {"role": "assistant", "content": "a"}]}
        for n in range(8)]  # fmt: skip


@given(changed=st.lists(TURNS | PARALLEL, max_size=4))
@QUICK
def test_good_chats_stay_whole_beside_changed_ones(tmp_path, tokenizer, changed):
    """With bad rows skipped, good chats are used, and the others are used or counted."""
    path = tmp_path / "rows.jsonl"
    rows = [*GOOD, *({"messages": turns} for turns in changed)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = TrialConfig(
        model="m",
        objective="sft",
        data={"train": str(path), "validation": 0.3, "bad_rows": "skip"},
    )
    found = Sources.read(config)
    summary = draft(found, config, tokenizer, 64).summary(found, 64, ())
    assert summary.records == len(rows)
    assert summary.files[0].used >= len(GOOD)
    assert sum(side.examples for side in summary.sets.values()) >= summary.files[0].used
