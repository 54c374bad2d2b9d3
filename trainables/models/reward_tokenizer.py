"""Whether a reward model can read texts: it needs a tokenizer with its vocabulary."""

from __future__ import annotations

from trainables.core.data_error import DataError
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import (
    embedding_rows,
    load_tokenizer,
    require_eos,
)

_INSTEAD = "copy the tokenizer that it was trained with into its folder"


def check_reward_tokenizer(source: ModelSource) -> None:
    """ModelError if it has no tokenizer, or one of another vocabulary."""
    try:
        tokenizer = load_tokenizer(source)
        require_eos(tokenizer)
    except DataError as error:
        why = str(error).removeprefix("model: ")
        raise ModelError(f"model: {why} (a reward model reads with its own)") from error
    vocabulary, rows = tokenizer.get_vocab(), embedding_rows(source)
    special = {*tokenizer.special_tokens_map.values()} - {tokenizer.eos_token}
    beyond = [token for token, number in vocabulary.items() if rows is not None and number >= rows]
    if found := [token for token in beyond if token not in special]:
        raise ModelError(
            f"model: {source.name} has embeddings for {rows:,} tokens, and its tokenizer has "
            f"{len(vocabulary):,}, such as {found[0]!r}: it is another model's; {_INSTEAD}"
        )
