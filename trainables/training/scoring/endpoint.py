"""A judge's endpoint: OpenAI's chat completions over HTTP, by any server that has them."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast
from urllib.parse import urlsplit

from trainables.config.judge import JudgeMetric
from trainables.core.data_error import printable, short
from trainables.core.errors import RefusedError
from trainables.core.hidden_secrets import without_secrets
from trainables.training.scoring.judgements import Judgements, Pace, Usage
from trainables.training.scoring.questions import Messages, ReplyError

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletionMessageParam

EXTRA = "winnow-sweeps[judge]"

_TRIES = 3
"""Requests until a reply says what was asked for."""

_LONGEST = 300
"""Maximum characters of what an endpoint says."""

T = TypeVar("T")


class Endpoint:
    """Asks a judge, and remembers its replies in a folder.

    RefusedError names the metric and the way out.
    """

    def __init__(
        self, name: str, metric: JudgeMetric, folder: Path, retries: int | None = None
    ) -> None:
        self._name = name
        self._metric = metric
        self._judgements = Judgements(folder)
        self._key = self._found_key()
        self._client = self._made_client(folder, metric.retries if retries is None else retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._client.close()

    def ask(self, messages: Messages, read: Callable[[str], T]) -> tuple[T, Usage]:
        """What `read` finds in the reply, and what it took: nothing if the reply was known."""
        request = {
            "endpoint": self._metric.endpoint,
            "model": self._metric.model,
            "options": self._metric.options,
            "messages": messages,
        }
        with self._judgements.asking(request):
            known = self._judgements.known(request)
            if known is not None:
                return read(known), Usage()
            reply, usage, found = self._read(messages, read)
            self._judgements.keep(request, reply, usage)
        return found, usage

    def _read(self, messages: Messages, read: Callable[[str], T]) -> tuple[str, Usage, T]:
        spent = Usage()
        for _ in range(_TRIES):
            reply, usage = self._reply(messages)
            spent += usage
            try:
                return reply, spent, read(reply)
            except ReplyError as error:
                wanted = str(error)
        raise self._refusal(
            f"replied {short(reply)!r} where its last line must be {wanted}; change the rubric, "
            "the model, or options (max_tokens may be too small)"
        )

    def _reply(self, messages: Messages) -> tuple[str, Usage]:
        from openai import APIConnectionError, APIStatusError, OpenAIError

        try:
            done = self._client.chat.completions.create(
                model=self._metric.model,
                messages=cast("list[ChatCompletionMessageParam]", messages),
                extra_body=self._metric.options,
            )
            text = done.choices[0].message.content or ""
        except APIStatusError as error:
            raise self._refusal(self._status(error.status_code, error.message)) from None
        except APIConnectionError as error:
            why = error.__cause__ or error
            raise self._refusal(f"cannot be reached ({why}); check endpoint and network") from None
        except (OpenAIError, AttributeError, IndexError, TypeError, ValueError):
            raise self._refusal(
                "does not answer as OpenAI's chat completions do; check endpoint, which often ends "
                "in /v1"
            ) from None
        used = done.usage
        return text, Usage(1, *((used.prompt_tokens, used.completion_tokens) if used else (0, 0)))

    def _status(self, code: int, said: str) -> str:
        """What an HTTP status means, with the way out."""
        variable = self._metric.key_env
        ways_out = {
            401: f"check the key in {variable}" if variable else "set key_env: NAME",
            403: f"check the rights of the key in {variable}" if variable else "set key_env: NAME",
            404: "check endpoint, which often ends in /v1, and model",
            429: "set requests_per_minute, or look at the account's limits",
        }
        return f"refused with HTTP {code} ({said}); {ways_out.get(code, 'see what it says')}"

    def _found_key(self) -> str | None:
        variable = self._metric.key_env
        key = os.environ.get(variable, "").strip() if variable else ""
        if variable and not key:
            raise RefusedError(
                f"metrics.{self._name}.key_env: environment variable {variable} is not set; set it "
                "where the sweep is launched, and on every node of a cluster"
            )
        if not (key.isascii() and key.isprintable()):
            # Refused here: the library's own message would repeat the key.
            raise RefusedError(
                f"metrics.{self._name}.key_env: the key in {variable} has a line break or a "
                "character that is not ASCII; set it again"
            )
        return key or None

    def _made_client(self, folder: Path, retries: int) -> OpenAI:
        if find_spec("openai") is None:
            raise RefusedError(
                f"metrics.{self._name}: a judge needs {EXTRA}, which is not installed: pip install "
                f"{EXTRA}"
            )
        from openai import DefaultHttpxClient, OpenAI

        metric = self._metric
        pace = Pace(folder, f"{metric.endpoint} {metric.model}", metric.requests_per_minute)
        return OpenAI(
            base_url=metric.endpoint,
            api_key=self._key or "none",
            max_retries=retries,
            timeout=metric.timeout,
            # Retries count as well.
            http_client=DefaultHttpxClient(event_hooks={"request": [pace.wait]}),
        )

    def _refusal(self, what: str) -> RefusedError:
        if self._key:
            what = what.replace(self._key, f"${self._metric.key_env}")
        plain = " ".join(without_secrets(what).split())
        host = urlsplit(self._metric.endpoint).netloc
        head, end, way_out = plain.rpartition("; ")
        told = f"{head[:_LONGEST]}{end}{way_out}"
        return RefusedError(
            printable(f"metrics.{self._name}: the judge {self._metric.model} at {host} {told}")
        )
