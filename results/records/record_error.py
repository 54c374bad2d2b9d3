"""Errors of records on disk. Light, for the command line."""

from __future__ import annotations


class RecordError(ValueError):
    """A record on disk is missing or cannot be read. The message names the file."""
