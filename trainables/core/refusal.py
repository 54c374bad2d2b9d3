"""Why a trial cannot run, or would not mean what it says, before it is tried."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """`field` is one of those that clash; `message` says why, `remedy` what to change."""

    field: str
    message: str
    remedy: str
