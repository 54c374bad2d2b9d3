"""The training and evaluation data of a trial."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from trainables.config.roles import ROLES
from trainables.core.data_error import did_you_mean
from trainables.core.frozen import BelowOne, Frozen, Seed
from trainables.core.lookup import Lookup, PassageFields, Source

TEMPLATES = ("chatml", "llama-3", "gemma", "mistral", "qwen", "deepseek-r1", "plain")
"""The names of chat templates that come with this package."""

Files = str | tuple[str, ...]

BadRows = Literal["few", "strict", "skip"]


def _between_0_and_1(value: str | float) -> str | float:
    if isinstance(value, float) and not 0 < value < 1:
        raise ValueError(
            f"{value:g} is not a valid fraction; use a file name or a number between 0 and 1"
        )
    return value


FileOrFraction = Annotated[str | float, AfterValidator(_between_0_and_1)]


_ASCII = r"Any text, 0 to 9: <(it's \u0041 \x41)> & .xn--bcher-kva.+AGE-"


def _encodes_text(encoding: str) -> bool:
    """Whether the encoding reads ASCII as ASCII, or has units of two or four bytes.

    Escapes, domain names and packed bytes have codecs too. In some old encodings a backslash or a
    tilde is another character.
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


Column = str | int | tuple[str | int, ...]
"""A column's name or position, or those of several."""


def _check_pair(role: str, columns: tuple[str | int, ...]) -> None:
    if role != "text":
        raise ValueError(f"{role}: names {len(columns)} columns; only text can be a pair of them")
    if len(columns) != 2 or columns[0] == columns[1]:
        raise ValueError(
            f"text: {list(columns)} is not a pair of columns; name two different ones, or one"
        )


class MixConfig(Frozen):
    """Replay: examples of another file mixed into the training examples (sft and clm)."""

    train: Files = Field(
        description="file, folder, data set, or a list of them, with chats or text"
    )
    proportion: BelowOne = Field(
        default=0.1, description="share of training examples taken from this source"
    )


class RetrieveConfig(PassageFields):
    """Passages or examples looked up for every prompt, in training and in evaluation (sft)."""

    source: Source = Field(
        default="knowledge",
        description="knowledge: passages of data.knowledge; examples: other training examples",
    )
    count: Annotated[int, Field(gt=0, le=1024)] = Field(
        default=3, description="pieces in a prompt, or as many as fit max_length"
    )
    retriever: Literal["random", "bm25"] = "bm25"

    @model_validator(mode="after")
    def _random_examples_only(self) -> RetrieveConfig:
        if self.source == "knowledge" and self.retriever == "random":
            raise ValueError("random passages tell nothing; use retriever: bm25")
        return self

    @property
    def lookup(self) -> Lookup:
        """What is looked up for each prompt."""
        return Lookup(
            self.source,
            self.count,
            self.retriever,
            chunk_tokens=self.chunk_tokens,
            overlap=self.overlap,
            layout=self.layout,
        )


class DataConfig(Frozen):
    """Training, validation and test data, and how they are read."""

    train: Files = Field(
        description="file, folder, Hugging Face data set (org/name, org/name:config, either with "
        "@split), or a list of them"
    )
    validation: FileOrFraction = Field(
        default=0.05, description="file, or held-out fraction of the training records"
    )
    test: FileOrFraction | None = Field(
        default=None,
        description="test file, or held-out fraction of the training records; "
        "never used for selection",
    )
    general: Files | None = Field(
        default=None,
        description="file, folder, data set, or a list of them, with chats or text; its loss is "
        "measured at each evaluation, to show forgetting (sft, clm, grpo, rloo and ppo)",
    )
    mix: MixConfig | None = None
    knowledge: Files | None = Field(
        default=None,
        description="file, folder (also .md and .rst), data set, or a list of them, with texts to "
        "look passages up in: for method rag and data.retrieve",
    )
    retrieve: RetrieveConfig | None = None
    template: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="chat template, instead of the tokenizer's: a Jinja file, or one of "
        + ", ".join(TEMPLATES),
    )
    train_on: Literal["all_answers", "last_answer"] = Field(
        default="all_answers", description="answers of a chat to learn (sft)"
    )
    reasoning: Literal["keep", "drop"] = Field(
        default="keep", description="reasoning of the answers: learned, or left out of the data"
    )
    max_length: Annotated[int, Field(ge=8, lt=2**31)] = Field(
        default=1024,
        description="maximum tokens per sequence; longer ones are cut (sft) or split (clm)",
    )
    packing: bool = Field(
        default=False,
        description="pack several examples, isolated from each other, into one sequence (sft)",
    )
    new_tokens: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="whole tokens added to the vocabulary, with trained embeddings"
    )
    seed: Seed = Field(
        default=0,
        description="seed of the split and of the prompts asked, the same for all trials",
    )
    order_seed: Seed | None = Field(
        default=None,
        description="seed of the order of training examples, the same for all trials; unset: seed",
    )
    columns: dict[str, str | int | tuple[str | int, ...]] = Field(
        default_factory=dict,
        description="mapping from field (text, label ...) to column name, or position from 0; "
        "text: [NAME, NAME] is a pair of texts (classification)",
    )

    encoding: str = Field(
        default="utf-8", description="encoding of text files: utf-8, utf-16, gb18030, latin-1 ..."
    )
    bad_rows: BadRows = Field(
        default="few",
        description="rows that cannot be used. few: up to 1% of a file that teach nothing (equal "
        "answers, an empty question, an empty or no answer, an over-long text) are left out and "
        "counted, all others are an error; strict: any is an error; skip: all are left out and "
        "counted",
    )

    @property
    def order(self) -> int:
        """The seed of the order of training examples."""
        return self.seed if self.order_seed is None else self.order_seed

    @model_validator(mode="before")
    @classmethod
    def _new_name(cls, fields: object) -> object:
        if isinstance(fields, dict) and "skip_bad_rows" in fields:
            raise ValueError("skip_bad_rows is now bad_rows; write bad_rows: few, strict or skip")
        return fields

    @model_validator(mode="after")
    def _something_is_left(self) -> DataConfig:
        parts = [part for part in (self.validation, self.test) if isinstance(part, float)]
        if sum(parts) >= 1:
            raise ValueError(
                f"validation {parts[0]:g} + test {parts[1]:g} leave no training records; "
                "their sum must be below 1"
            )
        return self

    @model_validator(mode="after")
    def _has_knowledge(self) -> DataConfig:
        if self.retrieve and self.retrieve.source == "knowledge" and self.knowledge is None:
            raise ValueError(
                "retrieve looks up passages in knowledge, which is missing; set knowledge to text "
                "files or a folder, or retrieve.source: examples"
            )
        return self

    @field_validator("columns")
    @classmethod
    def _known_roles(cls, columns: dict[str, Column]) -> dict[str, Column]:
        for role, column in columns.items():
            if role not in ROLES:
                raise ValueError(f"{role!r} is not a known field; {did_you_mean(role, ROLES)}")
            if isinstance(column, tuple):
                _check_pair(role, column)
            for each in column if isinstance(column, tuple) else (column,):
                if isinstance(each, int) and each < 0:
                    raise ValueError(
                        f"{role}: {each} is not a valid column position; the first column is 0"
                    )
        if isinstance(columns.get("text"), tuple) and "text_pair" in columns:
            raise ValueError("text names two columns and text_pair a third; keep one of them")
        return columns

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        if not _encodes_text(encoding):
            raise ValueError(
                f"{encoding!r} is not a text encoding; use utf-8, utf-16, gb18030, latin-1 ..."
            )
        return encoding

    @field_validator("train", "validation", "test", "general", "knowledge")
    @classmethod
    def _names_something(cls, files: Files | float | None) -> Files | float | None:
        if files == () or files == "" or (isinstance(files, tuple) and "" in files):
            raise ValueError(f"{files!r} names no file; use the name of a file, folder or data set")
        return files
