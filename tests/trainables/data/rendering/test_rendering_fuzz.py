"""Templates and chats at random: an answer is learned whole, or there is one clear error."""

from __future__ import annotations

import json

from chat_templates import tokenizer_of
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Conversation, Message, ToolCall
from trainables.data.rendering.rendering import render, render_pairs, render_whole

_PARTS = (
    "<|{{ m.role }}|>",
    "<|im_end|>",
    "{{ m.content }}",
    "{{ m.content | trim }}",
    "{{ m.content.split('</think>')[-1] }}",
    "{{ m.content[1:] }}",
    "{{ m['content'][0]['text'] }}",
    "{{ m.reasoning_content }}",
    "{% if m.thinking %}<think>{{ m.thinking }}</think>{% endif %}",
    "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}",
    "{% if m.role == 'assistant' %}{% generation %}{% endif %}",
    "{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}",
    "{% if loop.last %}<think>\n\n</think>\n\n{% endif %}",
    "{% if not loop.last %}{% continue %}{% endif %}",
    "{{ m.tool_calls[0].function.arguments | tojson }}",
    "{{ m.name + m.tool_call_id }}",
    "{{ eos_token }}",
    "{{ 1 / 0 }}",
    "{{ m.content.format(m) }}",
    "\n",
)
_ENDS = (
    "",
    "<|assistant|>",
    "<|assistant|><think>\n",
    "<think></think>",
    "{{ eos_token }}",
    "[bot]",
)

templates = st.builds(
    lambda begin, body, prompt, end: (
        f"{begin}{{% for m in messages %}}{''.join(body)}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{prompt}{{% else %}}{end}{{% endif %}}"
    ),
    st.sampled_from(["", "{{ bos_token }}", "{{ tools | tojson }}", "{{ messages[0].content }}"]),
    st.lists(st.sampled_from(_PARTS), min_size=1, max_size=6),
    st.sampled_from(_ENDS),
    st.sampled_from(["", "\n", "{{ eos_token }}"]),
)
# Each text is unlike any other, and longer than anything that a template writes by chance.
texts = st.sampled_from(
    ["alpha beta", " gamma\n", "<think>\ndelta\n</think>\n\nepsilon", "ζη <|im_end|> θ"]
)
calls = st.lists(
    st.builds(
        ToolCall, st.just("find_town"), st.sampled_from(['{"town": "Lyon"}', "[1]", "no", ""])
    ),
    max_size=2,
).map(tuple)
answers = st.builds(
    Message,
    st.just("assistant"),
    texts,
    st.booleans(),
    reasoning=st.sampled_from(["", "iota kappa"]),
    tool_calls=calls,
)
others = st.builds(Message.of, st.sampled_from(["user", "system", "tool"]), texts)
chats = st.builds(
    lambda turns, last, tools: Conversation(
        (*turns, Message("assistant", last, True)), "x row 1", tools=tools
    ),
    st.lists(st.one_of(answers, others), min_size=1, max_size=5),
    texts,
    st.sampled_from(["", json.dumps([{"name": "find_town"}]), "[]", "[1]", "{"]),
)


TOKENIZER = tokenizer_of("<|user|><|assistant|><|system|><|tool|><|im_end|>")


def _with(template: str):
    TOKENIZER.chat_template = template
    return TOKENIZER


def learned(tokenizer, sequences) -> str:
    return "".join(tokenizer.decode(each.tokens[each.targets]) for each in sequences)


@settings(max_examples=60)
@given(templates, chats)
def test_an_answer_is_learned_whole_or_refused(template, chat):
    tokenizer = _with(template)
    try:
        (rendered,) = render([chat], tokenizer)
    except DataError as error:
        assert str(error).startswith(("x row 1", "the tokenizer"))
        return
    if rendered.fault:
        assert str(rendered.fault).startswith("x row 1") and not rendered.sequences
        return
    text = learned(tokenizer, rendered.sequences)
    for message in chat.messages:
        if message.trainable:
            assert message.content.rpartition("</think>")[2].strip() in text
            assert all(call.name in text for call in message.tool_calls)


@settings(max_examples=60)
@given(templates, chats, texts)
def test_a_pair_has_one_prompt_or_is_refused(template, chat, other):
    tokenizer = _with(template)
    chat = chat.last_answer_only()
    second = Conversation(
        (*chat.messages[:-1], Message("assistant", other, True)), "x row 1", tools=chat.tools
    )
    try:
        ((one, two),) = render_pairs([(chat, second)], tokenizer)
        (alone,) = render_whole([chat], tokenizer)
    except DataError:
        return
    if one.fault or alone.fault:
        assert bool(one.fault) == bool(two.fault)
        return
    prompts = [each.whole.tokens[: each.whole.targets.argmax()].tolist() for each in (one, two)]
    assert prompts[0] == prompts[1]
    assert len(alone.sequences) == 1
