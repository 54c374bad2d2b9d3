"""Passwords and tokens in a sweep file are rejected: the file is kept, shown and logged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from results.records.uris import holds_secret, redact
from search_spaces.problem import Problem
from sweeps.spec.validation import UNKNOWN

LONGEST = 2000
"""Maximum length of a message; a longer one repeats a value that is in the wrong place."""

_SECRET_NAME = re.compile(
    r"(^|.*_)(password|passwd|pwd|secret|token|api_?key|access_key|secret_key|credentials?)",
    re.IGNORECASE,
)

_SERVER = (
    "leave them out: MLflow reads MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
    "MLFLOW_TRACKING_TOKEN, from the environment"
)
_DATABASE = (
    "leave it out: PostgreSQL's client reads PGPASSWORD or ~/.pgpass, MySQL's a file that "
    "?read_default_file= names"
)
_STORAGE = (
    "leave them out: each node reads credentials from its environment, such as AWS_ACCESS_KEY_ID "
    "and AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or a role of the machine"
)
_ELSEWHERE = (
    "leave it out, and set it in the environment (HF_TOKEN for the hub) or in the file of the "
    "library that needs it"
)
_JUDGE = "leave it out, and name an environment variable that holds it: key_env: NAME"

_NAMED = "is named like a secret"


def check_secrets(tree: Mapping[str, object]) -> list[Problem]:
    """A problem for each address with credentials, and for each field named like a secret."""
    return list(_problems(tree, ""))


def with_secrets(
    problems: Iterable[Problem], tree: Mapping[str, object], engine: object
) -> list[Problem]:
    """The problems, and those of secrets in a spec's tree and in the DeepSpeed JSON that it names.

    A field named like a secret is not also told to be unknown.
    """
    read = {"slots.deepspeed.config": engine} if engine else {}
    found = dict.fromkeys(check_secrets(tree) + check_secrets(read))
    named = {each.place for each in found if each.message == _NAMED}
    rest = [p for p in problems if p.place not in named or p.message != UNKNOWN]
    return [*rest, *found]


def public(problem: Problem) -> Problem:
    """The same problem, with the secrets in the values that it repeats redacted."""
    return Problem(*(_public(text) for text in (problem.place, problem.message, problem.remedy)))


def _public(text: str) -> str:
    if len(text) <= LONGEST:
        return redact(text)
    # The part cut off may be the mark of a password in an address.
    return f"{redact(text[:LONGEST].partition('://')[0])}…"


def _problems(node: object, place: str) -> Iterator[Problem]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            inner = f"{place}.{key}" if place else str(key)
            if isinstance(value, str) and value and _SECRET_NAME.fullmatch(str(key)):
                yield Problem(inner, _NAMED, _JUDGE if place.startswith("metrics.") else _ELSEWHERE)
            else:
                yield from _problems(value, inner)
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node, 1):
            yield from _problems(value, f"{place}[{number}]")
    elif isinstance(node, str) and holds_secret(node):
        yield Problem(
            place, f"contains a password or a token: {redact(node)}", _remedy(place, node)
        )


def _remedy(place: str, uri: str) -> str:
    if place == "storage.uri":
        return _STORAGE
    if place == "search.storage":
        return _DATABASE
    if place != "tracking.uri":
        return _ELSEWHERE
    return _SERVER if uri.startswith("http") else _DATABASE
