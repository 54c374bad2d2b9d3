"""Chat templates by name or by file."""

from __future__ import annotations

import json

import pytest
from chat_templates import tokenizer_of
from data_samples import tiny_tokenizer
from template_table import CHATS, WHOLE, pieces

from trainables.config.data import TEMPLATES
from trainables.core.data_error import DataError
from trainables.data.rendering.named import template_text, use_template
from trainables.data.rendering.remarks import Remark
from trainables.data.rendering.rendering import render
from trainables.data.rendering.turn_end import turn_end_notes


def pieces_of(name: str, chat: str, eos: str = "</s>"):
    tokenizer = tokenizer_of(template_text(name), eos)
    (rendered,) = render([CHATS[chat]], tokenizer)
    return pieces(rendered, tokenizer), rendered


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_named_template_keeps_each_answer_whole(name, chat):
    learned, _ = pieces_of(name, chat)
    for piece, texts in zip(learned, WHOLE[chat], strict=True):
        assert all(text in piece.text for text in texts)


def test_a_template_may_be_written_like_that_of_a_real_model():
    """The same learned text and the same prompt as TRL's copies."""
    from chat_templates import template

    for ours, real in (("gemma", "gemma"), ("llama-3", "llama3"), ("deepseek-r1", "deepseekv3")):
        for chat in ("one answer", "two answers", "with thoughts"):
            tokenizer = tokenizer_of(template(real), "<｜end▁of▁sentence｜>")
            (rendered,) = render([CHATS[chat]], tokenizer)
            theirs = pieces(rendered, tokenizer)
            tokenizer.chat_template = template_text(ours)
            (rendered,) = render([CHATS[chat]], tokenizer)
            mine = pieces(rendered, tokenizer)
            assert [each.text for each in mine] == [each.text for each in theirs], (ours, chat)
            assert [each.prompt for each in mine] == [
                each.prompt.removeprefix("<s>") for each in theirs
            ]


def test_plain_writes_what_the_default_template_writes():
    for bos in (True, False):
        for chat in ("system turn", "two answers", "tools"):
            tokenizer = tiny_tokenizer(bos=bos)
            (default,) = render([CHATS[chat]], tokenizer)
            use_template(tokenizer, "plain")
            (plain,) = render([CHATS[chat]], tokenizer)
            assert plain.whole.tokens.tolist() == default.whole.tokens.tolist()
            assert plain.whole.targets.tolist() == default.whole.targets.tolist()


@pytest.mark.parametrize("name", ["qwen", "llama-3"])
def test_templates_with_tools_write_them_themselves(name):
    learned, rendered = pieces_of(name, "tools")
    assert Remark.CALLS not in rendered.remarks
    call = json.loads(learned[0].text[learned[0].text.index("{") : learned[0].text.rindex("}") + 1])
    assert call["name"] == "find_town"
    assert "Finds a town." in learned[0].prompt


@pytest.mark.parametrize("bos", [True, False])
def test_a_named_template_begins_with_bos_as_the_tokenizer_does(bos):
    tokenizer = tiny_tokenizer(bos=bos)
    use_template(tokenizer, "chatml")
    (rendered,) = render([CHATS["one answer"]], tokenizer)
    assert rendered.whole.tokens.tolist().count(tokenizer.bos_token_id) == int(bos)


def test_a_file_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    tokenizer = tiny_tokenizer()
    use_template(tokenizer, "my.jinja")
    assert tokenizer.chat_template == "{{ messages[0].content }}"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"{% for m in messages %}\n{{ m }", "line 2 is not valid Jinja"),
        (b"{% nothing %}", "line 1 is not valid Jinja"),
        (b" \n", "is empty"),
        (b"\xff\xfe{", "is not text"),
        (b"x" * 2**21, "2,097,152 bytes, too many"),
    ],
)
def test_a_file_that_is_no_template_is_refused(tmp_path, written, message):
    path = tmp_path / "my.jinja"
    path.write_bytes(written)
    with pytest.raises(DataError, match=message):
        use_template(tiny_tokenizer(), str(path))


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(DataError, match=r"data\.template: chatlm is no file .*did you mean chatml"):
        use_template(tiny_tokenizer(), "chatlm")


def notes_of(template: str, added: list[str], replaced: bool = True) -> list[str]:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": added})
    use_template(tokenizer, template)
    return turn_end_notes(tokenizer, replaced)


def test_an_end_of_turn_at_which_nothing_stops_is_said():
    assert notes_of("llama-3", []) == [
        "the chat template ends an answer with '<|eot_id|>', which is text to the "
        "tokenizer and no token: generation goes on unless it is told to stop there, or "
        "data.new_tokens adds it"
    ]
    assert notes_of("llama-3", ["<|eot_id|>"]) == [
        "answers end with '<|eot_id|>', not with eos: tell the model's server to stop there"
    ]
    assert notes_of("llama-3", ["<|eot_id|>"], replaced=False) == []
    assert notes_of("mistral", []) == notes_of("plain", []) == []
