"""Which data a trial learns from and is measured on."""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from trainables.config.roles import ROLES
from trainables.core.data_error import did_you_mean
from trainables.core.frozen import BelowOne, Frozen, Seed

Files = str | tuple[str, ...]


def _between_0_and_1(value: str | float) -> str | float:
    if isinstance(value, float) and not 0 < value < 1:
        raise ValueError(f"{value:g} is no fraction; name a file, or a number between 0 and 1")
    return value


FileOrFraction = Annotated[str | float, AfterValidator(_between_0_and_1)]


_ASCII = r"Any text, 0 to 9: <(it's \u0041 \x41)> & .xn--bcher-kva.+AGE-"


def _encodes_text(encoding: str) -> bool:
    """Whether ASCII is read as itself, or the encoding is one of whole words of memory.

    An escape, a domain name and packed bytes have codecs as well. Of some old encodings a backslash
    or a tilde is another sign.
    """
    try:
        name = codecs.lookup(encoding).name
        wide = name.startswith(("utf-16", "utf-32"))
        read = (_ASCII.encode(name) if wide else _ASCII.encode("ascii")).decode(name)
    except (LookupError, ValueError):
        return False
    return len(read) == len(_ASCII) and all(
        one == other or one in "\\~" for one, other in zip(_ASCII, read, strict=True)
    )


class MixConfig(Frozen):
    """Replay: examples of another file among those of the train files (sft and clm)."""

    train: Files = Field(description="file, folder or data set, or a list; chats or text")
    proportion: BelowOne = Field(
        default=0.1, description="share of the training examples that come from it"
    )


class DataConfig(Frozen):
    """Which files are learned from and measured on."""

    train: Files = Field(
        description="file, folder, Hugging Face data set (org/name, org/name:config, either with "
        "@split), or a list"
    )
    validation: FileOrFraction = Field(
        default=0.05, description="file, or fraction of the training records that is held out"
    )
    test: FileOrFraction | None = Field(
        default=None,
        description="file, or fraction of the training records, that no trial is chosen by",
    )
    general: Files | None = Field(
        default=None,
        description="file, folder or data set, or a list, of chats or text, whose loss is measured "
        "beside the validation set's, to see what is forgotten (sft and clm)",
    )
    mix: MixConfig | None = None
    max_length: Annotated[int, Field(ge=8, lt=2**31)] = Field(
        default=1024, description="tokens of a sequence; longer ones are cut (sft) or split (clm)"
    )
    packing: bool = Field(
        default=False,
        description="several training examples in one sequence, none of which sees another (sft)",
    )
    new_tokens: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="added to the vocabulary, whole; their embeddings train"
    )
    seed: Seed = Field(
        default=0, description="of the split, and of the order in which all trials see the data"
    )
    columns: dict[str, str | int] = Field(
        default_factory=dict,
        description="field (text, label ...) -> its column's name, or its position from 0",
    )

    encoding: str = Field(
        default="utf-8", description="of text files: utf-8, utf-16, gb18030, latin-1 ..."
    )
    skip_bad_rows: bool = Field(
        default=False, description="leave out and count rows that cannot be used; unset: an error"
    )

    @model_validator(mode="after")
    def _something_is_left(self) -> DataConfig:
        parts = [part for part in (self.validation, self.test) if isinstance(part, float)]
        if sum(parts) >= 1:
            raise ValueError(
                f"validation {parts[0]:g} + test {parts[1]:g} leave nothing to train on; "
                "together less than 1"
            )
        return self

    @field_validator("columns")
    @classmethod
    def _known_roles(cls, columns: dict[str, str | int]) -> dict[str, str | int]:
        for role, column in columns.items():
            if role not in ROLES:
                raise ValueError(f"{role!r} is no field that is read; {did_you_mean(role, ROLES)}")
            if isinstance(column, int) and column < 0:
                raise ValueError(f"{role}: {column} is no position; the first column is 0")
        return columns

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        if not _encodes_text(encoding):
            raise ValueError(
                f"{encoding!r} is no encoding of text; use utf-8, utf-16, gb18030, latin-1 ..."
            )
        return encoding

    @field_validator("train", "validation", "test", "general")
    @classmethod
    def _names_something(cls, files: Files | float | None) -> Files | float | None:
        if files == () or files == "" or (isinstance(files, tuple) and "" in files):
            raise ValueError(f"{files!r} names no file; name one, or a folder or a data set")
        return files
