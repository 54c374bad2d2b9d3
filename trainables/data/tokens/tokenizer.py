"""Tokenizers: loading, identity, and encoding of many texts at once.

Nothing here imports transformers before a tokenizer is actually loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from trainables.core.data_error import DataError, said, shown
from trainables.core.model_source import ModelSource
from trainables.data.files.hub_reach import closed_gate, hub_silence

if TYPE_CHECKING:
    from tokenizers import AddedToken

_FILE_SUFFIXES = (".json", ".jinja", ".txt", ".model", ".tiktoken")
_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
_WIDTH_FIELDS = ("hidden_size", "n_embd", "d_model")


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer used here."""

    name_or_path: str
    bos_token_id: int | None
    eos_token: str | None
    eos_token_id: int | None
    pad_token_id: int | None
    unk_token_id: int | None
    chat_template: str | dict[str, str] | None
    special_tokens_map: dict[str, str]

    def __call__(self, text: list[str], **options: object) -> Mapping[str, list[list[int]]]:
        """Encode texts: `input_ids` has the ids of each."""
        ...

    def get_vocab(self) -> dict[str, int]:
        """All tokens."""
        ...

    def decode(
        self,
        token_ids: Sequence[int] | npt.NDArray[np.int32] | npt.NDArray[np.int64],
        skip_special_tokens: bool = False,
    ) -> str:
        """The text of some ids."""
        ...

    def get_added_vocab(self) -> dict[str, int]:
        """The tokens matched whole before anything else, special or not."""
        ...

    def add_tokens(self, new_tokens: list[AddedToken]) -> int:
        """Add tokens that are matched whole; return the number of previously unknown ones."""
        ...

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """The ids of a list of tokens."""
        ...

    def convert_ids_to_tokens(self, ids: int) -> str | None:
        """The token of an id."""
        ...

    def save_pretrained(self, folder: Path) -> object:
        """Write it to a folder."""
        ...

    def apply_chat_template(
        self,
        conversation: list[dict[str, object]],
        *,
        tools: list[object] | None,
        tokenize: Literal[False],
        add_generation_prompt: bool,
        **variables: bool,
    ) -> str:
        """Render a conversation with `chat_template`."""
        ...

    def get_chat_template(self, *, tools: list[object] | None) -> str:
        """The template that `apply_chat_template` uses with these tools."""
        ...


def load_tokenizer(source: ModelSource) -> Tokenizer:
    """The tokenizer of a local folder or a hub id; DataError if there is none."""
    if source.is_path and not source.folder:
        raise DataError(
            f"model: folder {source.name} does not exist (looked from {Path.cwd()}); "
            "correct the path"
        )
    silence = None if source.folder else hub_silence()
    if silence and _cached(source, "config.json") is None:
        raise DataError(_not_from_the_hub(source, silence))
    from transformers import AutoTokenizer

    try:
        loaded: Tokenizer = AutoTokenizer.from_pretrained(
            str(source.folder or source.name),
            revision=source.revision,
            trust_remote_code=source.trust_remote_code,
            local_files_only=silence is not None,
        )
    except Exception as error:  # library boundary: invalid input can raise anything
        raise DataError(_cannot_load(source, error)) from error
    _check_template(loaded, source)
    if loaded.eos_token is None:
        loaded.eos_token = _eos_of_model(loaded, source)
    return loaded


def _check_template(tokenizer: Tokenizer, source: ModelSource) -> None:
    template: object = tokenizer.chat_template
    texts = template.values() if isinstance(template, dict) else [template or ""]
    if not all(isinstance(text, str) for text in texts):
        raise DataError(
            f"model: the tokenizer of {source.name} has the chat_template {shown(template)}; it "
            "must be a text, so correct its tokenizer_config.json"
        )


def _eos_of_model(tokenizer: Tokenizer, source: ModelSource) -> str | None:
    """The end-of-sequence token that the model's own config names, as its tokenizer does not."""
    named = _described(source).get("eos_token_id")
    ids = named if isinstance(named, list) else [named]
    return tokenizer.convert_ids_to_tokens(ids[0]) if ids and isinstance(ids[0], int) else None


def pad_id(tokenizer: Tokenizer, rows: int | None) -> int:
    """The padding token's id. It is masked, so any token with an embedding works in its place."""
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id):
        if candidate is not None and (rows is None or candidate < rows):
            return candidate
    return 0


def add_tokens(
    tokenizer: Tokenizer, tokens: Sequence[str], rows: int | None = None
) -> tuple[int, ...]:
    """Add `tokens` to the vocabulary and return their ids.

    DataError for an existing token: its embedding is already trained, unless the model has only
    `rows` of them.
    """
    if not tokens:
        return ()
    from tokenizers import AddedToken

    known = tokenizer.get_vocab()
    for token in tokens:
        if token in known and (rows is None or known[token] < rows):
            raise DataError(
                f"data.new_tokens: the tokenizer of {tokenizer.name_or_path} knows {token!r} "
                "already; remove it from the list"
            )
    each_once = list(dict.fromkeys(tokens))
    # Tokenizers that mark word starts would match normalised tokens only at word starts.
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in each_once])
    return tuple(tokenizer.convert_tokens_to_ids(each_once))


def identity(source: ModelSource) -> str:
    """Identity of the tokenizer: its files' contents, or its name and revision."""
    folder = source.folder
    if folder is None:
        return source.pinned
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in _FILE_SUFFIXES:
            digest.update(path.name.encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def context_length(source: ModelSource) -> int | None:
    """A model's maximum number of tokens, from its config.json; None if not stated."""
    return _first_number(_described(source), _CONTEXT_FIELDS)


def hidden_size(source: ModelSource) -> int | None:
    """The width of a model's layers, from its config.json; None if not stated."""
    return _first_number(_described(source), _WIDTH_FIELDS)


def embedding_rows(source: ModelSource) -> int | None:
    """The number of tokens that a model has embeddings for, from its config.json."""
    return _first_number(_described(source), ("vocab_size",))


def _described(source: ModelSource) -> dict[str, Any]:
    """A model's config.json; empty if there is none."""
    path = config_file(source)
    if path is None or not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"model: {path} is not valid JSON ({error}); download it again") from error
    return config if isinstance(config, dict) else {}


def _first_number(config: Mapping[str, Any], fields: Sequence[str]) -> int | None:
    """The first of these fields that is a positive number, also in a part for text."""
    inner = config.get("text_config")
    for part in (config, inner if isinstance(inner, dict) else {}):
        for name in fields:
            if isinstance(part.get(name), int) and part[name] > 0:
                return int(part[name])
    return None


def leading_bos(tokenizer: Tokenizer) -> list[int]:
    """The bos token's id if the tokenizer itself starts a text with it, else empty."""
    bos = tokenizer.bos_token_id
    adds_it = bos is not None and tokenizer(["a"])["input_ids"][0][:1] == [bos]
    return [bos] if bos is not None and adds_it else []


def require_eos(tokenizer: Tokenizer) -> tuple[str, int]:
    """The end-of-sequence token, as text and id; without one no model learns to stop."""
    if tokenizer.eos_token is None or tokenizer.eos_token_id is None:
        raise DataError(
            f"the tokenizer of {tokenizer.name_or_path} has no eos_token, and the model's "
            "config.json has no eos_token_id; name one in tokenizer_config.json"
        )
    return tokenizer.eos_token, tokenizer.eos_token_id


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, without special tokens or truncation."""
    if not texts:
        return []
    encoded = tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False
    )
    return encoded["input_ids"]


def config_file(source: ModelSource) -> Path | None:
    """The model's config.json, fetched from the hub if needed; None if unavailable."""
    if source.folder or source.is_path:
        return Path(source.name).expanduser() / "config.json"
    return hub_file(source, "config.json")


def hub_file(source: ModelSource, name: str) -> Path | None:
    """A file of a hub model, fetched if needed; None if unavailable."""
    found = _fetched(source, name)
    return found if isinstance(found, Path) else None  # loading the model will report the error


def unreadable(source: ModelSource) -> str | None:
    """Why the config of a model cannot be read on this machine; None if it can."""
    if source.is_path or source.folder:
        return None if source.folder else f"there is no folder {source.name}"
    found = _fetched(source, "config.json")
    if isinstance(found, Path):
        return None
    if found is None:
        return f"{hub_silence() or 'the hub is not asked'}, and {source.name} is not in its cache"
    return closed_gate(found, source.name) or f"{source.name}: {said(found)}"


def _fetched(source: ModelSource, name: str) -> Path | Exception | None:
    """A file of a hub model, or the hub's error; None if only its silence is known."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if hub_silence():
        return _cached(source, name)
    try:
        return Path(hf_hub_download(source.name, name, revision=source.revision))
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        return error


def _cannot_load(source: ModelSource, error: Exception) -> str:
    reason = said(error)
    if source.folder:
        return (
            f"model: folder {source.name} has no loadable tokenizer ({reason}); copy "
            "tokenizer.json and tokenizer_config.json there from the model that it was trained from"
        )
    if gate := closed_gate(error, source.name):
        return f"model: {gate}"
    return _not_from_the_hub(source, reason)


def _cached(source: ModelSource, name: str) -> Path | None:
    """A file of a hub model that an earlier download has left."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(source.name, name, revision=source.revision)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def _not_from_the_hub(source: ModelSource, reason: str) -> str:
    revised = f" at revision {source.revision}" if source.revision else ""
    return (
        f"model: {source.name}{revised} is not a local folder and could not be loaded from the hub "
        f"({reason}); check the spelling (folders are looked for from {Path.cwd()}) and the "
        "network, or download it and name its folder"
    )
