"""Pairs, judgements, rewards and labels, from every spelling in which they come."""

from __future__ import annotations

import math

import pytest
from data_samples import REAL_DATA, left_out, needs_real_data, read_records, write_json, write_lines

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Conversation, Message
from trainables.data.records.records import Document, Judged, Labelled, Pair, Rated

ASK, GOOD, BAD = (
    Message("user", "hi"),
    Message.of("assistant", "yes"),
    Message.of("assistant", "no"),
)
BRIEF = Message("system", "Be brief.")


def chat(*turns, spelling="messages"):
    """Turns as written in a file: ("user", "hi") ..."""
    names = {"user": "human", "assistant": "gpt", "system": "system"}
    if spelling == "sharegpt":
        return [{"from": names[role], "value": content} for role, content in turns]
    return [{"role": role, "content": content} for role, content in turns]


U, A, B, S = ("user", "hi"), ("assistant", "yes"), ("assistant", "no"), ("system", "Be brief.")
ANSWERS = {"chosen": "yes", "rejected": "no"}


@pytest.mark.parametrize(
    ("record", "format_", "prompt"),
    [
        ({"prompt": "hi", **ANSWERS}, "prompt_pair", (ASK,)),
        ({"prompt": "hi", "system": "Be brief.", **ANSWERS}, "prompt_pair", (BRIEF, ASK)),
        ({"prompt": chat(S, U), **ANSWERS}, "prompt_pair", (BRIEF, ASK)),
        ({"prompt": chat(U), "chosen": chat(A), "rejected": chat(B)}, "prompt_pair", (ASK,)),
        ({"prompt": "hi", "chosen": chat(U, A), "rejected": chat(U, B)}, "prompt_pair", (ASK,)),
        ({"chosen": chat(S, U, A), "rejected": chat(S, U, B)}, "chat_pair", (BRIEF, ASK)),
        ({"instruction": "hi", "input": "", **ANSWERS}, "alpaca_pair", (ASK,)),
        (
            {"conversations": chat(S, U, spelling="sharegpt"),
             "chosen": chat(A, spelling="sharegpt")[0],
             "rejected": chat(B, spelling="sharegpt")[0]},
            "sharegpt_pair",
            (BRIEF, ASK),
        ),
        ({"messages": chat(U), "chosen": chat(A)[0], "rejected": chat(B)}, "messages_pair", (ASK,)),
        (
            {"question": "hi", "response_chosen": "yes", "response_rejected": "no"},
            "prompt_pair",
            (ASK,),
        ),
        (
            {"system": "Be brief.", "question": "hi", "chosen": "yes", "rejected": "no"},
            "prompt_pair",
            (BRIEF, ASK),
        ),
        (
            {"chosen_messages": chat(S, U, A), "rejected_messages": chat(S, U, B)},
            "chosen_messages",
            (BRIEF, ASK),
        ),
    ],
)  # fmt: skip
def test_pairs_are_read_in_their_usual_spellings(tmp_path, record, format_, prompt):
    path = write_json(tmp_path / "rows.json", [record, record])
    for objective in ("dpo", "reward", "kto"):
        file = read_records(path, objective)
        assert file.format.name == format_
        assert file.records == (Pair(prompt, (GOOD,), (BAD,)),) * 2
        assert file.unread_fields == ()


def test_answers_that_both_chats_share_are_a_part_of_the_prompt(tmp_path):
    earlier = [("user", "a"), ("assistant", "b"), U]
    record = {"chosen": chat(*earlier, A), "rejected": chat(*earlier, B)}
    (pair,) = read_records(write_json(tmp_path / "rows.json", [record]), "dpo").records
    assert [message.content for message in pair.prompt] == ["a", "b", "hi"]
    chosen, rejected = pair.conversations()
    assert [m.content for m in chosen.messages if m.trainable] == ["yes"]
    assert [m.content for m in rejected.messages if m.trainable] == ["no"]


@pytest.mark.parametrize(
    ("chosen", "rejected", "reason"),
    [
        ("yes", "yes", r"chosen equals rejected \(chosen is str 'yes'\); correct one"),
        ("", "no", r"empty answer \(chosen is str ''"),
        ("yes", None, "empty answer .*rejected is null"),
        ([], chat(B), "no answer"),
        (chat(U, A), chat(U, A), "chosen equals rejected"),
    ],
)
def test_pairs_that_teach_nothing_are_a_mistake(tmp_path, chosen, rejected, reason):
    record = {"prompt": "hi", "chosen": chosen, "rejected": rejected}
    path = write_json(tmp_path / "rows.json", [{"prompt": "hi", **ANSWERS}, record])
    with pytest.raises(DataError, match=f"^{path} row 2: {reason}"):
        read_records(path, "dpo")
    assert len(read_records(path, "dpo", skip=True).records) == 1


@pytest.mark.parametrize(
    "record",
    [
        {"messages": chat(U, A), "label": True},
        {"messages": chat(U, A), "label": 1},
        {"messages": chat(U, A), "label": 1.0},
        {"messages": chat(U, A), "label": "1.0"},
        {"messages": chat(U, A), "kto_tag": "true"},
        {"conversations": chat(U, A, spelling="sharegpt"), "label": True},
        {"prompt": "hi", "completion": "yes", "label": True},
        {"prompt": chat(U), "completion": chat(A), "label": True},
        {"instruction": "hi", "output": "yes", "label": True},
    ],
)
def test_judgements_are_read_in_their_usual_spellings(tmp_path, record):
    path = write_json(tmp_path / "rows.json", [record])
    assert read_records(path, "kto").records == (Judged(Conversation((ASK, GOOD)), True),)


def test_only_the_last_answer_of_a_chat_is_judged(tmp_path):
    record = {"messages": chat(("user", "a"), ("assistant", "b"), U, A), "label": False}
    (judged,) = read_records(write_json(tmp_path / "rows.json", [record]), "kto").records
    assert [m.content for m in judged.conversation.messages if m.trainable] == ["yes"]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (None, r"no label \(label is null\); write its label"),
        ("", r"no label \(label is str ''\)"),
        (float("nan"), r"no label \(label is float nan\)"),
        ("great", r"label is str 'great'; it must be true \(good\) or false"),
        ([1], "label is list .*true"),
    ],
)
def test_an_answer_without_a_judgement_is_a_mistake(tmp_path, label, said):
    rows = [{"messages": chat(U, A), "label": each} for each in (True, label)]
    path = write_json(tmp_path / "rows.json", rows)
    with pytest.raises(DataError, match=f"^{path} row 2: {said}"):
        read_records(path, "kto")
    assert len(read_records(path, "kto", skip=True).bad) == 1


def test_a_pair_gives_kto_one_good_and_one_bad_answer():
    good, bad = Pair((ASK,), (GOOD,), (BAD,), weight=2.0).judged()
    assert (good.desirable, bad.desirable, good.weight, bad.weight) == (True, False, 2.0, 2.0)
    assert good.conversation.messages == (ASK, GOOD)
    assert bad.conversation.messages == (ASK, BAD)


@pytest.mark.parametrize(
    ("record", "content"),
    [
        ({"text": "fine", "reward": 0.5}, Document("fine")),
        ({"sentence": "fine", "score": 0.5}, Document("fine")),
        ({"prompt": "hi", "response": "yes", "reward": 0.5}, Conversation((ASK, GOOD))),
        ({"prompt": "hi", "completion": "yes", "score": 0.5}, Conversation((ASK, GOOD))),
        ({"messages": chat(U, A), "reward": 0.5}, Conversation((ASK, GOOD))),
    ],
)
def test_rewards_are_read_in_their_usual_spellings(tmp_path, record, content):
    path = write_json(tmp_path / "rows.json", [record])
    assert read_records(path, "reward").records == (Rated(content, 0.5),)


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf, None, "0.5", True, [1], 10**400])
def test_a_reward_that_is_no_finite_number_is_a_mistake(tmp_path, reward):
    rows = [{"text": "a", "reward": each} for each in (0.5, 3, reward)]
    path = write_json(tmp_path / "rows.json", rows)
    said = r"no reward|reward is not a finite number"
    kind = "null" if reward is None else type(reward).__name__
    with pytest.raises(DataError, match=rf"row 3: ({said}) \(reward is {kind}"):
        read_records(path, "reward")
    assert [each.reward for each in read_records(path, "reward", skip=True).records] == [0.5, 3]


@pytest.mark.parametrize(
    ("label", "name"),
    [("pos ", "pos"), (3, "3"), (2.0, "2"), (True, "true")],
)
def test_a_label_is_a_name_or_a_number(tmp_path, label, name):
    path = write_json(tmp_path / "rows.json", [{"text": "a", "label": label}])
    (record,) = read_records(path, "classification").records
    assert record == Labelled("a", name)


@pytest.mark.parametrize("label", ["", " ", None, math.nan, "nan", "NaN"])
def test_a_text_without_a_label_is_a_mistake(tmp_path, label):
    rows = [{"text": "a", "label": "b"}, {"text": "a", "label": label}, {"text": "a"}]
    path = write_json(tmp_path / "rows.json", rows)
    with pytest.raises(DataError, match=r"row 2: no label \(label is .*\); write its label"):
        read_records(path, "classification")
    file = read_records(path, "classification", skip=True)
    assert (len(file.records), left_out(file)) == (1, {"no label": 2})


@pytest.mark.parametrize("text", ["text", "sentence", "content", "review"])
@pytest.mark.parametrize("label", ["label", "category", "class", "is_duplicate", "score"])
def test_texts_and_labels_have_other_names_as_well(tmp_path, text, label):
    path = write_json(tmp_path / "rows.json", [{text: "a", label: "b", "idx": 3}])
    file = read_records(path, "classification")
    assert (file.records, file.unread_fields) == ((Labelled("a", "b"),), ("idx",))


def test_a_title_and_a_description_are_the_lines_of_a_text(tmp_path):
    record = {"class": 3, "title": "Halls", "description": "They are old."}
    file = read_records(write_json(tmp_path / "rows.json", [record, record]), "classification")
    assert file.records == (Labelled("Halls\nThey are old.", "3"),) * 2
    assert (file.format.name, file.unread_fields) == ("title_label", ())


@pytest.mark.parametrize(
    ("label", "read"), [([1, "a", None], ("1", "a")), ([], ()), (0.3, "0.3"), (1.0, "1")]
)
def test_a_label_may_be_a_list_or_a_number(tmp_path, label, read):
    path = write_json(tmp_path / "rows.json", [{"text": "a", "labels": label}])
    assert read_records(path, "classification").records == (Labelled("a", read),)


@pytest.mark.parametrize("label", [{"a": 1}, [["a"]]])
def test_a_label_that_is_no_name_is_a_mistake(tmp_path, label):
    path = write_json(tmp_path / "rows.json", [{"text": "a", "label": label}])
    with pytest.raises(DataError, match=r"row 1: label is (dict|list) .*a name, a number, or a l"):
        read_records(path, "classification")


@pytest.mark.parametrize(
    ("record", "objective"),
    [
        ({"instruction": "hi", "output": "yes"}, "sft"),
        ({"text": "a", "label": "b"}, "classification"),
        ({"prompt": "hi", **ANSWERS}, "dpo"),
        ({"messages": chat(U, A), "label": True}, "kto"),
        ({"text": "a", "reward": 1}, "reward"),
        ({"prompt": "hi", "response": "yes", "reward": 1}, "reward"),
    ],
)
def test_every_record_may_have_a_weight(tmp_path, record, objective):
    rows = [record, record | {"weight": 2.5}, record | {"weight": None}]
    file = read_records(write_lines(tmp_path / "rows.jsonl", rows), objective)
    assert [each.weight for each in file.records] == [1.0, 2.5, 1.0]
    for wrong in (-1, "heavy", math.nan):
        path = write_lines(tmp_path / "rows.jsonl", [record, record | {"weight": wrong}])
        with pytest.raises(DataError, match=r"line 2: weight is .*a number of at least 0"):
            read_records(path, objective)


@pytest.mark.parametrize(
    ("record", "objective", "held", "way_out"),
    [
        ({"text": "a", "label": 1}, "sft", "labelled texts", "classification or clm"),
        ({"text": "a", "reward": 1}, "dpo", "texts or answers with a reward", "reward or clm"),
        ({"text": "a"}, "classification", "text without answers", "clm"),
        (
            {"prompt": "hi", **ANSWERS},
            "sft",
            "pairs of a chosen",
            "dpo or orpo or simpo or kto or reward",
        ),
        ({"messages": chat(U, A), "label": True}, "sft", "answers judged good or bad", "kto"),
        ({"messages": chat(U, A)}, "kto", r"chats \(messages records\)", "sft"),
        ({"messages": chat(U, A)}, "clm", "chats", "sft"),
        (
            {"conversations": [], "chosen": {}, "rejected": {}},
            "sft",
            r"pairs of a chosen and a rejected answer \(sharegpt_pair",
            "dpo or orpo or simpo or kto",
        ),
    ],
)
def test_what_an_objective_cannot_use_is_told_with_the_one_that_can(
    tmp_path, record, objective, held, way_out
):
    path = write_json(tmp_path / "rows.json", [record])
    said = f"^{path} holds {held}.*objective {objective} reads .*; set objective: {way_out}"
    with pytest.raises(DataError, match=said):
        read_records(path, objective)


@pytest.mark.parametrize(
    ("objective", "format_"), [("sft", "alpaca"), ("dpo", "alpaca_pair"), ("kto", "alpaca_pair")]
)
def test_the_objective_decides_how_a_file_is_read_that_fits_two(tmp_path, objective, format_):
    record = {"instruction": "hi", "output": "yes", **ANSWERS}
    file = read_records(write_json(tmp_path / "rows.json", [record]), objective)
    assert file.format.name == format_
    assert file.unread_fields == (("chosen", "rejected") if objective == "sft" else ("output",))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"prompt": "hi", "chosen": "yes"}, "row 2 has no field rejected; add it"),
        ({"prompt": "hi", "chosen": {}, "rejected": "no"}, "row 2: chosen is dict {}; it must be"),
        ({"text": "a"}, "row 2 is text, but the file began as prompt_pair; split the file"),
        (
            {"prompt": "hi", "chosen": [{"role": "robot", "content": "x"}], "rejected": "no"},
            "row 2 chosen turn 1: role str 'robot' is unknown",
        ),
    ],
)
def test_a_row_that_is_built_wrongly_is_a_mistake(tmp_path, second, said):
    path = write_json(tmp_path / "rows.json", [{"prompt": "hi", **ANSWERS}, second])
    with pytest.raises(DataError, match=f"^{path} {said}"):
        read_records(path, "dpo")


def test_two_answers_without_a_prompt_are_a_mistake(tmp_path):
    path = write_json(tmp_path / "rows.json", [ANSWERS])
    with pytest.raises(DataError, match="row 1 has two answers but no prompt; add the field prom"):
        read_records(path, "dpo")


def test_columns_give_the_fields_their_roles(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("q,better,worse,importance\nhi,yes,no,2\n")
    columns = {"prompt": "q", "chosen": "better", "rejected": 2, "weight": "importance"}
    (pair,) = read_records(path, "dpo", columns).records
    assert pair == Pair((ASK,), (GOOD,), (BAD,), weight=2.0)


@needs_real_data
@pytest.mark.parametrize(
    ("name", "objective", "format_", "count", "dropped"),
    [
        ("pref/dpo_en_demo.json", "dpo", "sharegpt_pair", 300, {}),
        ("pref/dpo_zh_demo.json", "reward", "sharegpt_pair", 300, {}),
        ("pref/v1_dpo_demo.jsonl", "dpo", "chosen_messages", 10, {}),
        ("pref/kto_en_demo.json", "kto", "messages_label", 300, {}),
        (
            "pref/instruction-data-with-preference.json",
            "dpo",
            "alpaca_pair",
            1100,
            {"chosen equals rejected": 6},
        ),
        (
            "reward/alpaca_eval_vicuna7b_winprob.jsonl",
            "reward",
            "prompt_completion_reward",
            805,
            {},
        ),
        ("cls/sst2_train.tsv", "classification", "text_label", 6920, {}),
        ("cls/thucnews_dev.txt", "classification", "text_label", 10000, {}),
        ("bad/09_utf8_bom_crlf.csv", "classification", "text_label", 30, {}),
        ("bad/10_crlf.tsv", "classification", "text_label", 30, {}),
        ("bad/13_missing_label.csv", "classification", "text_label", 30, {"no label": 3}),
        (
            "bad/19_nan_rewards.jsonl",
            "reward",
            "text_reward",
            30,
            {"reward is not a finite number": 6, "no reward": 1},
        ),
    ],
)
def test_real_files_give_all_their_records(name, objective, format_, count, dropped):
    file = read_records(REAL_DATA / name, objective, skip=True)
    total = len(file.records) + len(file.bad)
    assert (file.format.name, total, left_out(file)) == (format_, count, dropped)
