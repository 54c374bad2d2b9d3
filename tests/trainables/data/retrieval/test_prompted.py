"""Prompts with what is looked up for them, as a chat template takes them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from data_samples import tiny_tokenizer

from trainables.core.data_error import DataError
from trainables.core.lookup import Lookup
from trainables.data.records.conversation import Conversation, Message
from trainables.data.retrieval.library import Library
from trainables.data.retrieval.prompted import LookedUpPrompts

REFUSING = (
    "{% for turn in messages %}"
    "{% if 'b' in turn.content %}{{ raise_exception('no b') }}{% endif %}"
    "{{ turn.role }}: {{ turn.content }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def chat(question: str, answer: str) -> Conversation:
    return Conversation((Message.of("user", question), Message.of("assistant", answer)))


@pytest.fixture
def prompts():
    tokenizer = tiny_tokenizer(chat_template=REFUSING)
    examples = [chat("c d", "a"), chat("d e", "b")]
    library = Library(lambda: examples, list, tokenizer, seed=0)
    own = SimpleNamespace(stops=())
    return LookedUpPrompts(own, (), library, Lookup("examples", 2, "bm25"), tokenizer, None)


def test_examples_that_the_template_refuses_are_left_out(prompts):
    made, counts = prompts.with_pieces([chat("c", "a"), chat("e", "a")])
    assert counts == [1, 0], "the best first: that of `e` is refused"
    assert len(made) == 2


def test_a_question_that_it_refuses_by_itself_is_named(prompts):
    with pytest.raises(DataError, match=r"the chat template refuses this chat .*no b"):
        prompts.with_pieces([chat("b", "a")])
