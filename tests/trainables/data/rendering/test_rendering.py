from __future__ import annotations

import re

import numpy as np
import pytest
from data_samples import CHATML, REAL_DATA, needs_real_data, read_records, tiny_tokenizer

from trainables.core.data_error import DataError
from trainables.core.model_source import ModelSource
from trainables.data.records.conversation import Conversation, Message
from trainables.data.rendering.rendering import render
from trainables.data.tokens.tokenizer import load_tokenizer


def chat(*turns: tuple[str, str]) -> Conversation:
    return Conversation(tuple(Message.of(*turn) for turn in turns), "chats.json row 1")


def tokens_of(tokenizer, conversation):
    (rendered,) = render([conversation], tokenizer)
    return rendered.whole


def trained_text(tokenizer, sequence):
    return tokenizer.decode(sequence.tokens[sequence.targets])


ONE = chat(("user", "Give three tips."), ("assistant", "Eat well."))
LONG = chat(
    ("system", "Be brief."),
    ("user", "hi"),
    ("assistant", "hello"),
    ("tool", "42"),
    ("user", "细胞"),
    ("assistant", "是的"),
)
HALF = Conversation(
    (
        Message("user", "a"),
        Message("assistant", "not this"),
        Message("user", "b"),
        Message("assistant", "but this", trainable=True),
        Message("user", "bye"),
    )
)


@pytest.mark.parametrize(
    ("conversation", "whole", "trained"),
    [
        (ONE, "<s>### User:\nGive three tips.\n\n### Assistant:\nEat well.</s>", "Eat well.</s>"),
        (
            LONG,
            "<s>### System:\nBe brief.\n\n### User:\nhi\n\n### Assistant:\nhello</s>"
            "\n\n### Tool:\n42\n\n### User:\n细胞\n\n### Assistant:\n是的</s>",
            "hello</s>是的</s>",
        ),
        (
            HALF,
            "<s>### User:\na\n\n### Assistant:\nnot this</s>\n\n### User:\nb\n\n### Assistant:\n"
            "but this</s>",
            "but this</s>",
        ),
    ],
)
def test_the_default_template_trains_answers_and_their_eos_alone(conversation, whole, trained):
    tokenizer = tiny_tokenizer()
    sequence = tokens_of(tokenizer, conversation)
    assert tokenizer.decode(sequence.tokens) == whole
    assert trained_text(tokenizer, sequence) == trained


@pytest.mark.parametrize("bos", [True, False])
def test_the_prompt_has_the_ids_that_it_has_at_inference(bos):
    tokenizer = tiny_tokenizer(bos=bos)
    sequence = tokens_of(tokenizer, ONE)
    prompt = tokenizer("### User:\nGive three tips.\n\n### Assistant:\n")["input_ids"]
    assert sequence.tokens[~sequence.targets].tolist() == prompt


def test_an_answer_that_would_melt_into_the_prompt_is_encoded_by_itself():
    """Tokenised as one text, the newlines on both sides of the border would be one token."""
    tokenizer = tiny_tokenizer(bos=False)
    tokenizer.add_tokens(["\n\n"])
    sequence = tokens_of(tokenizer, chat(("user", "hi"), ("assistant", "\nhello")))
    prompt = tokenizer("### User:\nhi\n\n### Assistant:\n")["input_ids"]
    assert sequence.tokens[: len(prompt)].tolist() == prompt
    assert trained_text(tokenizer, sequence) == "\nhello</s>"


@pytest.mark.parametrize("conversation", [ONE, LONG])
def test_a_chat_template_trains_what_transformers_marks_as_the_assistants(conversation):
    tokenizer = tiny_tokenizer(chat_template=CHATML)
    expected = tokenizer.apply_chat_template(
        [{"role": turn.role, "content": turn.content} for turn in conversation.messages],
        return_assistant_tokens_mask=True,
        return_dict=True,
    )
    length = len(expected["input_ids"]) - len(
        tokenizer("\n", add_special_tokens=False)["input_ids"]
    )
    sequence = tokens_of(tokenizer, conversation)
    assert sequence.tokens.tolist() == expected["input_ids"][:length]
    assert sequence.targets.tolist() == [bool(x) for x in expected["assistant_masks"][:length]]
    assert sequence.targets.sum() == sum(expected["assistant_masks"])


@pytest.mark.parametrize(("bos", "starts"), [("", 0), ("{{ bos_token }}", 1)])
def test_a_chat_template_alone_decides_on_bos(bos, starts):
    tokenizer = tiny_tokenizer(bos=True, chat_template=bos + CHATML)
    assert tokens_of(tokenizer, ONE).tokens.tolist().count(tokenizer.bos_token_id) == starts


def test_a_template_that_rewrites_earlier_turns_gives_an_example_for_each_answer():
    """It writes answers only at the end of a chat, so no example has two of them."""
    tokenizer = tiny_tokenizer(
        chat_template="{% for m in messages %}"
        "{% if loop.last or m.role != 'assistant' %}[{{ m.content }}]{% endif %}{% endfor %}"
    )
    (rendered,) = render([LONG], tokenizer)
    written = [tokenizer.decode(each.tokens) for each in rendered.sequences]
    assert written == ["[Be brief.][hi][hello]", "[Be brief.][hi][42][细胞][是的]"]
    trained = [trained_text(tokenizer, each) for each in rendered.sequences]
    assert trained == ["[hello]", "[是的]"]


def test_a_template_that_raises_is_named():
    tokenizer = tiny_tokenizer(chat_template="{{ raise_exception('no system turns') }}")
    (rendered,) = render([ONE], tokenizer)
    assert not rendered.sequences
    assert re.match(
        r"chats\.json row 1: .*refuses this chat \(TemplateError: no system turns",
        str(rendered.fault),
    )


def test_a_tokenizer_without_eos_is_refused():
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(DataError, match=r"has no eos_token.*name one"):
        list(render([ONE], tokenizer))


def test_chats_are_rendered_one_for_one_and_in_order(monkeypatch):
    monkeypatch.setattr("trainables.data.rendering.rendering._CHUNK", 2)
    tokenizer = tiny_tokenizer()
    chats = [chat(("user", str(n)), ("assistant", f"It is {n}")) for n in range(5)]
    rendered = [trained_text(tokenizer, each.whole) for each in render(chats, tokenizer)]
    assert rendered == [f"It is {n}</s>" for n in range(5)]


@needs_real_data
@pytest.mark.parametrize(
    "name", ["sft/alpaca_zh_demo.json", "chat/fastchat_dummy_conversation.json"]
)
def test_real_chats_survive_a_real_tokenizer(name):
    """Chinese goes through byte fallback; the tokenizer's own rule joins repeated spaces."""
    tokenizer = load_tokenizer(ModelSource(str(REAL_DATA / "models/stories260K_hf")))
    chats = read_records(REAL_DATA / name).records[:100]
    for conversation, rendered in zip(chats, render(chats, tokenizer), strict=True):
        sequence = rendered.whole
        answers = "</s>".join(m.content for m in conversation.messages if m.trainable) + "</s>"
        written = trained_text(tokenizer, sequence)
        assert written.replace(" ", "") == answers.replace(" ", "")
        assert (sequence.tokens == tokenizer.bos_token_id).sum() == 1
        assert sequence.tokens[-1] == tokenizer.eos_token_id and sequence.targets[-1]


@needs_real_data
def test_a_real_tokenizer_with_chatml_trains_what_transformers_marks():
    tokenizer = load_tokenizer(ModelSource(str(REAL_DATA / "models/stories260K_hf")))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = CHATML
    chats = read_records(REAL_DATA / "chat/fastchat_dummy_conversation.json").records[:50]
    for conversation, rendered in zip(chats, render(chats, tokenizer), strict=True):
        sequence = rendered.whole
        expected = tokenizer.apply_chat_template(
            [{"role": turn.role, "content": turn.content} for turn in conversation.messages],
            return_assistant_tokens_mask=True,
            return_dict=True,
        )
        count = len(sequence.tokens)
        assert np.array_equal(sequence.tokens, expected["input_ids"][:count])
        assert np.array_equal(sequence.targets, expected["assistant_masks"][:count])
        assert not any(expected["assistant_masks"][count:])
