"""Chats with examples or passages, and which pieces a training chat may not have."""

from __future__ import annotations

import pytest

from trainables.core.lookup import LAYOUT, check_layout
from trainables.data.records.conversation import Conversation, Message
from trainables.data.retrieval.enriched import with_examples, with_passages
from trainables.data.retrieval.own import has_same_tools, is_own


def chat(*turns: str, system: str = "", **fields) -> Conversation:
    """Turns of the user and the assistant by turns."""
    roles = ("user", "assistant")
    messages = [Message.of(roles[n % 2], text) for n, text in enumerate(turns)]
    return Conversation((*([Message.of("system", system)] if system else []), *messages), **fields)


def told(conversation: Conversation) -> list[tuple[str, str, bool]]:
    return [(turn.role, turn.content, turn.trainable) for turn in conversation.messages]


def test_examples_come_after_the_own_system_turn_the_nearest_last_and_are_not_trained():
    near, far = chat("q1", "a1", system="theirs"), chat("q2", "a2")
    assert told(with_examples(chat("q", "a", system="mine"), [near, far])) == [
        ("system", "mine", False),
        ("user", "q2", False),
        ("assistant", "a2", False),
        ("user", "q1", False),
        ("assistant", "a1", False),
        ("user", "q", False),
        ("assistant", "a", True),
    ]


def test_an_example_ends_with_its_last_trained_answer():
    long = Conversation((*chat("q1", "a1").messages, Message("user", "thanks")))
    assert [text for _, text, _ in told(with_examples(chat("q", "a"), [long]))] == [
        *("q1", "a1", "q", "a")
    ]


def test_passages_stand_where_the_layout_says():
    made = with_passages(chat("q", "a"), ["p1", "p2"], "A {question} B {passages} C")
    assert told(made) == [("user", "A q B p1\n\np2 C", False), ("assistant", "a", True)]
    made = with_passages(chat("q", "a"), ["p"], LAYOUT)
    assert made.messages[0].content == "p\n\nq"


def test_only_the_last_question_gets_passages():
    made = with_passages(chat("q1", "a1", "q2", "a2"), ["p"], LAYOUT)
    assert [turn.content for turn in made.messages] == ["q1", "a1", "p\n\nq2", "a2"]


def test_words_like_places_in_a_passage_or_question_stay():
    made = with_passages(chat("is {passages} a word?", "a"), ["{question} {passages}"], LAYOUT)
    assert made.messages[0].content == "{question} {passages}\n\nis {passages} a word?"


def test_without_pieces_a_chat_stays_as_it_is():
    own = chat("q", "a", system="s")
    assert with_passages(own, [], "x {passages} {question}") == own == with_examples(own, [])


@pytest.mark.parametrize("layout", ["{question}", "{passages}{passages}{question}", ""])
def test_a_layout_without_each_place_once_is_refused(layout):
    with pytest.raises(ValueError, match="once each"):
        check_layout(layout)


OWN = chat("Who wrote Faust?", "Goethe wrote it in 1808.")


@pytest.mark.parametrize(
    ("piece", "own"),
    [
        (chat("who wrote  Faust", "Nobody."), True),
        (chat("Who wrote Hamlet?", "Goethe wrote it in 1808."), False),
        ("Goethe wrote it in 1808.", True),
        ("wrote it in 1808", True),
        ("Q: Who wrote Faust? A: Goethe wrote it in 1808.", True),
        ("Faust is a play. Goethe wrote it in 1808. It has two parts.", False),
        ("Who wrote Faust? That is a question for a quiz.", False),
    ],
)
def test_a_piece_that_gives_the_answer_away_is_the_chats_own(piece, own):
    assert is_own(OWN, piece) is own


def test_the_answer_in_question_is_the_last_trained_one():
    long = chat("hello", "good day to you", "Who wrote Faust?", "Goethe wrote it in 1808.")
    assert is_own(long, "Goethe wrote it")
    assert not is_own(long, "good day to you")


def test_examples_that_call_tools_need_the_same_tools():
    tools = '[{"name": "clock"}]'
    assert has_same_tools(chat("q", "a", tools=tools), chat("x", "y", tools=tools))
    assert not has_same_tools(chat("q", "a"), chat("x", "y", tools=tools))
    assert has_same_tools(chat("q", "a", tools=tools), "a passage")
