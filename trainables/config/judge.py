"""A metric of generated answers that another language model gives them, behind an HTTP endpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator, model_validator

from trainables.core.frozen import Frozen, NonNegative, PositiveFloat, PositiveInt
from trainables.metrics.metric import Mode

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}", re.ASCII)


class JudgePrices(Frozen):
    """Dollars per million tokens."""

    input: NonNegative
    output: NonNegative


_NOT_OPTIONS = frozenset({"messages", "model", "n", "stream"})
"""Fields of a request that the judge sets itself."""


def _has_port(parts: SplitResult) -> bool:
    """Whether the port is a number of one, or left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


class JudgeMetric(Frozen):
    """A judge gives each answer a score by a rubric, or compares it with the untouched base's.

    Any endpoint with OpenAI's chat completions will do.
    """

    endpoint: str = Field(description="URL of the API, such as https://api.openai.com/v1")
    model: str = Field(min_length=1, description="the judge's name at the endpoint")
    rubric: str = Field(description="text file that says what makes an answer good")
    key_env: str | None = Field(
        default=None, description="environment variable with the key; unset: the endpoint asks none"
    )
    ask: Literal["score", "pairwise"] = Field(
        default="score",
        description="score: a number for each answer; pairwise: whether it is better than the "
        "base's to the same prompt, asked in both orders",
    )
    range: tuple[float, float] = Field(default=(1.0, 10.0), description="lowest and highest score")
    mode: Mode = Field(default="max", description="min if a low score is better")
    options: dict[str, object] = Field(
        default_factory=lambda: dict[str, object](temperature=0, max_tokens=512),
        description="further fields of each request",
    )
    requests_per_minute: PositiveFloat | None = Field(
        default=None, description="most requests of all slots on a node; unset: no limit"
    )
    concurrency: PositiveInt = Field(default=8, description="most requests of a slot at a time")
    retries: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=5, description="retries of a request that the endpoint drops or puts off"
    )
    timeout: PositiveFloat = Field(default=60.0, description="seconds for one request")
    prices: JudgePrices | None = Field(
        default=None, description="dollars per million tokens: {input: ..., output: ...}"
    )

    @field_validator("endpoint")
    @classmethod
    def _is_a_url(cls, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
            raise ValueError(
                "must be the URL of an OpenAI-compatible API, such as http://localhost:8000/v1"
            )
        return endpoint

    @field_validator("mode", mode="before")
    @classmethod
    def _is_a_direction(cls, mode: object) -> object:
        if mode in ("score", "pairwise"):
            raise ValueError(f"{mode!r} is what is asked; write ask: {mode}")
        return mode

    @field_validator("key_env")
    @classmethod
    def _names_a_variable(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE.fullmatch(name):
            # Not repeated: it may be the key itself.
            raise ValueError(
                "must be the name of an environment variable in capitals, such as OPENAI_API_KEY; "
                "the key itself does not belong in a sweep file"
            )
        return name

    @field_validator("options")
    @classmethod
    def _leaves_the_request(cls, options: dict[str, object]) -> dict[str, object]:
        if taken := sorted(_NOT_OPTIONS.intersection(options)):
            raise ValueError(f"{taken[0]} is not an option: the judge's request sets it; remove it")
        return options

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.range[0] < self.range[1]:
            raise ValueError(f"range {self.range[0]:g} to {self.range[1]:g} is empty")
        if self.ask == "pairwise" and self.mode == "min":
            raise ValueError("a higher share of wins is better; leave mode out with ask: pairwise")
        return self

    @property
    def compares(self) -> bool:
        """Whether it compares answers with the base's."""
        return self.ask == "pairwise"

    @property
    def files(self) -> Mapping[str, str]:
        """The files that it needs, by their fields."""
        return {"rubric": self.rubric}

    def names(self, name: str) -> dict[str, Mode]:
        """Its metric with its direction, where `name` is its own."""
        return {f"eval_{name}": self.mode}
