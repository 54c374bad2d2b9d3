"""The chat templates of 41 real models, as TRL ships them, with five chats each."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from chat_templates import names, template, tokenizer_of
from template_table import (
    ANSWERS,
    ASKED,
    CALL,
    CHATS,
    PARTS,
    RESULT,
    SYSTEM,
    THOUGHTS,
    TOOL,
    WHOLE,
    messages,
    pieces,
    table,
    written,
)

from trainables.data.records.conversation import Message
from trainables.data.rendering.remarks import Remark
from trainables.data.rendering.rendering import render, render_pairs, render_whole

EACH = [(name, chat) for name in names() for chat in CHATS]


def rendered(name: str, chat: str, eos: str = "</s>"):
    tokenizer = tokenizer_of(template(name), eos)
    (made,) = render([CHATS[chat]], tokenizer)
    return tokenizer, made, pieces(made, tokenizer)


def test_trl_ships_the_templates():
    assert len(names()) > 30


@pytest.mark.parametrize(("name", "chat"), EACH)
def test_each_answer_is_learned_whole_and_nothing_else_is(name, chat):
    _, _, learned = rendered(name, chat)
    expected = WHOLE[chat]
    assert len(learned) == len(expected), "each answer is learned once"
    everything = {*ASKED, *ANSWERS, *THOUGHTS, SYSTEM, RESULT}
    for piece, texts in zip(learned, expected, strict=True):
        for text in texts:
            assert text in piece.text
        for other in everything - {*texts}:
            assert other not in piece.text


@pytest.mark.parametrize(("name", "chat"), EACH)
def test_the_end_of_each_turn_is_learned_once(name, chat):
    tokenizer, _, learned = rendered(name, chat)
    tokens = tuple(tokenizer.get_added_vocab())
    for piece, texts in zip(learned, WHOLE[chat], strict=True):
        # White space is learned only where a template marks it, as LFM2.5's does.
        end = piece.text.rpartition(texts[-1])[2].rstrip()
        assert end.endswith(tokens), "the last thing that is learned ends the turn"
        assert end.count("</s>") == (1 if end.endswith("</s>") else 0)


@pytest.mark.parametrize(("name", "chat"), EACH)
def test_prompts_are_those_of_inference(name, chat):
    """As written by the same call of transformers that a server makes."""
    tokenizer, made, learned = rendered(name, chat)
    conversation = CHATS[chat]
    spellings = [
        messages(conversation, fields=fields, parts=name in PARTS) for fields in (True, False)
    ]
    tools = [TOOL] if conversation.tools else None
    if Remark.CALLS in made.remarks:
        spellings = [each for turns in spellings for each in _with_tools_as_text(turns)]
        tools = None
    if name.startswith("deepseek"):
        _write_arguments(spellings)
    # Its default prompt says that there is no thought; with thoughts, that is switched.
    options = {"enable_thinking": True} if "nothink" in name and "thoughts" in chat else {}
    for number, piece in enumerate(learned):
        prompts = []
        for turns in spellings:
            answers = [at for at, turn in enumerate(turns) if turn["role"] == "assistant"]
            for asked in (turns[: answers[number]], _merged(turns[: answers[number]])):
                with suppress(Exception):  # not every template takes every spelling
                    prompts.append(
                        tokenizer.apply_chat_template(
                            asked, tools, add_generation_prompt=True, tokenize=False, **options
                        )
                    )
        assert piece.prompt in prompts


def _merged(turns):
    """The system text before the question."""
    if turns[0]["role"] != "system" or not isinstance(turns[0]["content"], str):
        return turns
    text = f"{turns[0]['content']}\n\n{turns[1]['content']}"
    return [{"role": "user", "content": text}, *turns[2:]]


def _with_tools_as_text(turns):
    """The spellings of a chat whose template knows no tools, or no results either."""

    def part(like, text):
        return [{"type": "text", "text": text}] if isinstance(like, list) else text

    call = f'<tool_call>\n{{"name": "find_town", "arguments": {CALL}}}\n</tool_call>'
    question, _, result, said = turns
    system = {
        "role": "system",
        "content": part(question["content"], f"Tools:\n{json.dumps([TOOL])}"),
    }
    called = {"role": "assistant", "content": part(question["content"], call)}
    answer = f"<tool_response>\n{RESULT}\n</tool_response>"
    asked = {"role": "user", "content": part(question["content"], answer)}
    return [[system, question, called, each, said] for each in (result, asked)]


def _write_arguments(spellings):
    """DeepSeek's templates take arguments as text."""
    for turns in spellings:
        for turn in turns:
            for call in turn.get("tool_calls", ()):
                call["function"]["arguments"] = CALL


@pytest.mark.parametrize("chat", ["one answer", "system turn", "two answers", "with thoughts"])
@pytest.mark.parametrize("name", names())
def test_both_answers_of_a_pair_are_learned_behind_one_prompt(name, chat):
    """Of the rejected answer, which has no reasoning, too."""
    tokenizer = tokenizer_of(template(name))
    better = CHATS[chat].last_answer_only()
    worse = replace(
        better, messages=(*better.messages[:-1], Message.of("assistant", "I do not know."))
    )
    ((first, second),) = render_pairs([(better, worse)], tokenizer)
    ((one,), (other,)) = (pieces(each, tokenizer) for each in (first, second))
    assert one.prompt == other.prompt
    assert all(text in one.text for text in WHOLE[chat][-1])
    assert "I do not know." in other.text
    assert not any(text in other.text for text in (*ANSWERS, *THOUGHTS))


@pytest.mark.parametrize("name", names())
def test_pairs_of_several_answers_are_learned_in_one_example(name):
    tokenizer = tokenizer_of(template(name))
    (rendered,) = render_whole([CHATS["two answers"]], tokenizer)
    learned = pieces(rendered, tokenizer)
    assert [answer in piece.text for answer, piece in zip(ANSWERS, learned, strict=True)] == [
        True
    ] * 2
    assert not any(asked in piece.text for asked in ASKED for piece in learned)


@pytest.mark.parametrize("name", names())
def test_the_end_of_a_turn_may_be_the_tokenizers_eos(name):
    _, _, learned = rendered(name, "two answers")
    token = learned[0].text.rpartition(ANSWERS[0])[2]
    _, _, again = rendered(name, "two answers", eos=token.strip())
    assert [piece.text for piece in again] == [piece.text for piece in learned]


def test_the_table_in_the_docs_is_up_to_date():
    """`python tests/helpers/template_table.py` writes it."""
    assert "?" not in table().partition("\n\n")[0], "each difference from a twin has its reason"
    assert written() == table()
