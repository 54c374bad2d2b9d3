"""How a chat template ends an answer, as far as its reader at inference must know."""

from __future__ import annotations

from trainables.data.rendering.chat_template import ChatTemplate
from trainables.data.rendering.deadline import Deadline
from trainables.data.tokens.tokenizer import Tokenizer


def turn_end_notes(tokenizer: Tokenizer, replaced: bool) -> list[str]:
    """A note if generation would not stop at the end of an answer by itself.

    `replaced` says that the template is not the one for which the model's settings were made.
    """
    if not tokenizer.chat_template:
        return []
    with Deadline() as deadline:
        template = ChatTemplate(tokenizer, deadline)
        end = template.end_of_turn
    if not end:
        return []
    if not any(token in end for token in template.added):
        return [
            f"the chat template ends an answer with {end!r}, which is text to the tokenizer and no "
            "token: generation goes on unless it is told to stop there, or data.new_tokens adds it"
        ]
    if replaced and template.eos_if_any not in end:
        return [f"answers end with {end!r}, not with eos: tell the model's server to stop there"]
    return []
