"""Segments: text in stretches that are wholly learned or wholly not."""

from __future__ import annotations

from typing import NamedTuple


class Segment(NamedTuple):
    """A stretch of a rendered chat, wholly trained or wholly untrained."""

    text: str
    trained: bool
