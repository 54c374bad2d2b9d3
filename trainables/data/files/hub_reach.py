"""Whether the hub can be reached at all, and gives what is asked of it. Its client would try for
minutes, file by file."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_PATIENCE = 5.0
"""Seconds for a connection."""


def hub_silence() -> str | None:
    """Why nothing can come from the hub; None if it listens, or is not to be asked.

    Not checked behind a proxy, where only the hub's own client can tell.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return None
    hub = urlsplit(constants.ENDPOINT)
    host, port = hub.hostname or "", hub.port or (80 if hub.scheme == "http" else 443)
    if getproxies() and not proxy_bypass(host):
        return None
    try:
        socket.create_connection((host, port), timeout=_PATIENCE).close()
    except OSError as error:
        return f"{constants.ENDPOINT} does not answer: {error.strerror or error}"
    return None


def closed_gate(error: BaseException, name: str, kind: str = "") -> str | None:
    """What to do if the hub keeps repository `name` from this user; None for any other error.

    `kind` is the first part of its page's path: `datasets/`, or nothing for a model.
    """
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    page, token = f"{constants.ENDPOINT}/{kind}{name}", get_token()
    for each in _causes(error):
        if isinstance(each, GatedRepoError):
            known = "of an account that may read it" if token else "(none is set)"
            return (
                f"{name} is gated: accept its terms on {page}, then set HF_TOKEN to a token {known}"
                " on every node, or run `hf auth login`"
            )
        if isinstance(each, RepositoryNotFoundError) and not token:
            return (
                f"the hub knows no {name}, or it is private; check the spelling, or set HF_TOKEN "
                f"to a token of an account that may read {page}"
            )
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
