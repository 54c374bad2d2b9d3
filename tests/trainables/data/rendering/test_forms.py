"""Chats in templates of our own, each with one habit that real templates have."""

from __future__ import annotations

import json

import pytest
from chat_templates import tokenizer_of
from template_table import pieces

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Conversation, Message, ToolCall
from trainables.data.rendering.remarks import Remark
from trainables.data.rendering.rendering import render, render_pairs, render_whole


def chat(*turns, **more) -> Conversation:
    listed = (turn if isinstance(turn, Message) else Message.of(*turn) for turn in turns)
    return Conversation(tuple(listed), "chats.json row 1", **more)


def learned(template: str, conversation: Conversation) -> list[str]:
    tokenizer = tokenizer_of(template)
    (rendered,) = render([conversation], tokenizer)
    if rendered.fault:
        raise rendered.fault
    return [piece.text for piece in pieces(rendered, tokenizer)]


def prompts(template: str, conversation: Conversation) -> list[str]:
    tokenizer = tokenizer_of(template)
    (rendered,) = render([conversation], tokenizer)
    return [piece.prompt for piece in pieces(rendered, tokenizer)]


def turns(body: str, prompt: str = "<|assistant|>") -> str:
    """A template that writes `body` for each turn."""
    return (
        "{% for m in messages %}" + body + "{% endfor %}"
        "{% if add_generation_prompt %}" + prompt + "{% endif %}"
    )


SIMPLE = turns("<|{{ m.role }}|>{{ m.content }}<|end|>")
TWO = chat(("user", "hi"), ("assistant", "hello"), ("user", "bye"), ("assistant", "see you"))
THOUGHTFUL = chat(
    ("user", "hi"),
    Message("assistant", "hello", True, reasoning="A greeting."),
    ("user", "bye"),
    Message("assistant", "see you", True, reasoning="A farewell."),
)
SPOKEN = chat(("system", "Be kind."), ("user", "hi"), ("assistant", "hello"))


def test_a_template_that_writes_nothing_behind_an_answer_gets_eos():
    silent = turns("{{ m.role }}: {{ m.content }}\n", "assistant:")
    assert learned(silent, TWO) == [" hello</s>", " see you</s>"]


@pytest.mark.parametrize("space", ["", "\n"])
def test_an_eos_behind_the_end_of_the_turn_is_not_learned(space):
    """Phi-3 writes one behind a whole chat, and none at inference."""
    with_eos = SIMPLE + "{% if not add_generation_prompt %}{{ space + eos_token }}{% endif %}"
    with_eos = with_eos.replace("space", repr(space))
    assert learned(with_eos, TWO) == ["hello<|end|>", "see you<|end|>"]


def test_a_template_that_trims_is_no_loss():
    trimming = turns("<|{{ m.role }}|>{{ m.content | trim }}<|end|>")
    assert learned(trimming, chat(("user", "hi"), ("assistant", " hello\n"))) == ["hello<|end|>"]


@pytest.mark.parametrize(
    "body",
    [
        "<|{{ m.role }}|>{{ m.content[:3] }}<|end|>",
        "<|{{ m.role }}|>{{ m.content | upper }}<|end|>",
        "<|{{ m.role }}|>{{ m.content if m.role == 'user' }}<|end|>",
        "<|{{ m.role }}|><|end|>",
        "",
    ],
)
def test_an_answer_that_is_not_written_whole_is_refused(body):
    with pytest.raises(DataError, match=r"chats\.json row 1 turn 2: .* does not write .*'hello"):
        learned(turns(body), chat(("user", "HI"), ("assistant", "hello")))


def test_a_question_that_is_not_written_is_refused():
    with pytest.raises(DataError, match=r"turn 1: .* does not write the question str 'hi'"):
        learned(turns("<|{{ m.role }}|>{{ m.content if m.role != 'user' }}<|end|>"), TWO)


def test_reasoning_that_the_template_drops_is_written_into_the_content_and_said():
    (rendered,) = render([THOUGHTFUL], tokenizer_of(SIMPLE))
    assert rendered.remarks == {Remark.REASONING: 1}
    assert learned(SIMPLE, THOUGHTFUL) == [
        "<think>\nA greeting.\n</think>\n\nhello<|end|>",
        "<think>\nA farewell.\n</think>\n\nsee you<|end|>",
    ]


def test_reasoning_that_no_form_keeps_is_refused():
    cutting = turns("<|{{ m.role }}|>{{ m.content.split('</think>')[-1] | trim }}<|end|>")
    with pytest.raises(DataError, match=r"does not write the reasoning .*data\.reasoning: drop"):
        learned(cutting, THOUGHTFUL)


def test_a_thought_that_the_prompt_opens_is_continued_or_closed():
    opening = turns(
        "<|{{ m.role }}|>{{ m.content.split('</think>')[-1] | trim }}<|end|>",
        "<|assistant|><think>\n",
    )
    assert learned(opening, TWO)[1] == "\n</think>\n\nsee you<|end|>"
    assert learned(opening, THOUGHTFUL) == [
        "A greeting.\n</think>\n\nhello<|end|>",
        "A farewell.\n</think>\n\nsee you<|end|>",
    ]
    assert prompts(opening, THOUGHTFUL)[1].endswith(
        "hello<|end|><|user|>bye<|end|><|assistant|><think>\n"
    )


def test_an_empty_thought_in_the_prompt_stays_there():
    closed = turns("<|{{ m.role }}|>{{ m.content }}<|end|>", "<|assistant|><think>\n\n</think>\n\n")
    assert learned(closed, TWO) == ["hello<|end|>", "see you<|end|>"]


def test_a_header_that_looks_like_a_tag_is_no_thought():
    odd = turns("<bot>{{ m.content }}<|end|>", "<assistant>")
    (rendered,) = render([chat(("user", "hi"), ("assistant", "hello"))], tokenizer_of(odd))
    assert Remark.BY_TEXT in rendered.remarks
    assert learned(odd, chat(("user", "hi"), ("assistant", "hello"))) == ["hello<|end|>"]


NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
DROPS_SYSTEM = turns("{% if m.role != 'system' %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endif %}")


@pytest.mark.parametrize("template", [NO_SYSTEM + SIMPLE, DROPS_SYSTEM])
def test_system_text_goes_before_the_first_question_if_there_is_no_place_for_it(template):
    (rendered,) = render([SPOKEN], tokenizer_of(template))
    assert rendered.remarks == {Remark.SYSTEM: 1}
    assert prompts(template, SPOKEN) == ["<|user|>Be kind.\n\nhi<|end|><|assistant|>"]


ALTERNATING = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}"
)


def test_a_template_that_needs_alternation_gets_it_also_with_a_system_text():
    assert prompts(ALTERNATING + SIMPLE, SPOKEN) == ["<|user|>Be kind.\n\nhi<|end|><|assistant|>"]


def test_content_as_parts_for_templates_that_read_nothing_else():
    parts = turns("<|{{ m.role }}|>{% for p in m.content %}{{ p.text }}{% endfor %}<|end|>")
    assert learned(parts, TWO) == ["hello<|end|>", "see you<|end|>"]


MARKED = turns(
    "<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "{% endgeneration %}<|end|>\n{% else %}{{ m.content }}<|end|>\n{% endif %}"
)


def test_marks_that_stop_before_the_end_of_the_turn_are_extended_by_it():
    assert learned(MARKED, TWO) == ["hello<|end|>", "see you<|end|>"]


def test_marks_of_answers_that_are_not_to_be_learned_do_not_count():
    half = chat(("user", "hi"), Message("assistant", "hello"), *TWO.messages[2:])
    assert learned(MARKED, half) == ["see you<|end|>"]


def test_marks_around_nothing_are_refused():
    empty = turns("<|{{ m.role }}|>{{ m.content }}{% generation %}{% endgeneration %}<|end|>")
    with pytest.raises(DataError, match="does not write the answer"):
        learned(empty, TWO)


def test_a_template_that_rewrites_only_the_first_turn_gives_two_examples_of_three_answers():
    """Answers join one example again from where the template only appends."""
    rewriting = turns(
        "<|{{ m.role }}|>{{ '*' if loop.index == 2 and loop.last }}{{ m.content }}<|end|>"
    )
    three = chat(*TWO.messages, ("user", "oh"), ("assistant", "what"))
    (rendered,) = render([three], tokenizer_of(rewriting))
    assert rendered.remarks == {Remark.SEVERAL: 1, Remark.EXAMPLES: 2}
    assert learned(rewriting, three) == ["*hello<|end|>", "see you<|end|>", "what<|end|>"]


QWEN_LIKE = turns(
    "<|{{ m.role }}|>{{ '<think></think>' if loop.last and m.role == 'assistant' }}"
    "{{ m.content }}<|end|>"
)


def test_pairs_have_one_prompt_also_if_only_one_answer_has_reasoning():
    question = ("user", "hi")
    better = chat(question, Message("assistant", "hello", True, reasoning="A greeting."))
    worse = chat(question, ("assistant", "go away"))
    for template in (SIMPLE, QWEN_LIKE):
        tokenizer = tokenizer_of(template)
        ((first, second),) = render_pairs([(better, worse)], tokenizer)
        one, other = (pieces(each, tokenizer)[0] for each in (first, second))
        assert one.prompt == other.prompt
        assert "A greeting." in one.text and "hello" in one.text and "go away" in other.text


def test_several_answers_in_one_example_are_found_by_their_text():
    """As a pair needs whose answers go on over several turns."""
    tokenizer = tokenizer_of(QWEN_LIKE)
    (rendered,) = render_whole([TWO], tokenizer)
    assert [piece.text for piece in pieces(rendered, tokenizer)] == [
        "hello<|end|>",
        "<think></think>see you<|end|>",
    ]


TOWN = {"type": "function", "function": {"name": "find_town", "parameters": {}}}
CALLED = chat(
    ("user", "Where is Lyon?"),
    Message("assistant", "", True, tool_calls=(ToolCall("find_town", '{"town": "Lyon"}'),)),
    ("tool", "In France."),
    ("assistant", "It is in France."),
    tools=json.dumps([TOWN]),
)


def test_calls_as_text_for_the_default_template():
    tokenizer = tokenizer_of("x")
    tokenizer.chat_template = None
    (rendered,) = render([CALLED], tokenizer)
    assert tokenizer.decode(rendered.whole.tokens) == (
        f"### System:\nTools:\n{json.dumps([TOWN])}\n\n### User:\nWhere is Lyon?\n\n"
        '### Assistant:\n<tool_call>\n{"name": "find_town", "arguments": {"town": "Lyon"}}\n'
        "</tool_call></s>\n\n### Tool:\nIn France.\n\n### Assistant:\nIt is in France.</s>"
    )
    assert rendered.remarks == {Remark.CALLS: 1}


CALLING = turns(
    "<|{{ m.role }}|>{{ m.content }}{% for c in m.tool_calls or [] %}CALL {{ c.function.name }} "
    "%s{% endfor %}<|end|>"
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{{ c.function.arguments | tojson }}", 'CALL find_town {"town": "Lyon"}<|end|>'),
        (
            "{{ c.function.arguments.items() | first | join('=') }}",
            "CALL find_town town=Lyon<|end|>",
        ),
        ("{{ 'with ' + c.function.arguments }}", 'CALL find_town with {"town": "Lyon"}<|end|>'),
    ],
)
def test_arguments_are_objects_or_text_as_a_template_wants(written, expected):
    template = "{% for t in tools or [] %}{{ t.function.name }}{% endfor %}" + CALLING.replace(
        "%s", written, 1
    )
    assert learned(template, CALLED) == [expected, "It is in France.<|end|>"]


def test_results_name_their_call_also_if_the_file_does_not():
    template = "{{ tools[0].function.name }}" + turns(
        "<|{{ m.role }}|>{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.id }} "
        "{{ c.function | tojson }}{% endfor %}"
        "{% if m.role == 'tool' %} of {{ m.name }} {{ m.tool_call_id }}{% endif %}<|end|>"
    )
    prompt = prompts(template, CALLED)[1]
    assert "<|tool|>In France. of find_town call00001<|end|>" in prompt
    assert "call00001 {" in prompt


def test_tools_that_are_no_list_are_refused():
    broken = chat(*CALLED.messages, tools="nothing")
    with pytest.raises(DataError, match="tools must be a list of objects"):
        learned(SIMPLE, broken)


def test_a_template_that_loops_for_ever_is_one_error(monkeypatch):
    monkeypatch.setattr("trainables.data.rendering.deadline.SECONDS", 0.3)
    nested = "{% set x = range(99999) | list %}" + "{% for a in x %}" * 4 + "{% endfor %}" * 4
    with pytest.raises(DataError, match=r"may loop for ever, so correct it, or set data\.template"):
        learned(nested, TWO)
    assert learned(SIMPLE, TWO) == ["hello<|end|>", "see you<|end|>"], "and nothing is left of it"
