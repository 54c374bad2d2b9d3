"""Names of data sets on the hub."""

from __future__ import annotations

import re

HUB_NAME = re.compile(
    r"(?P<repository>[\w-][\w.-]*/[\w-][\w.-]*)(?::(?P<config>[\w.-]+))?"
    r"(?:@(?P<split>[\w.-]+(?:\[[\d:%-]+\])?))?"
)
"""`org/name`, with optional configuration after a colon, and split (or slice of one) after an @."""


def hub_parts(name: str) -> tuple[str, str | None, str]:
    """(repository, configuration, split) of a hub name; the default split is train."""
    found = HUB_NAME.fullmatch(name)
    assert found is not None, "is_hub_name says so"
    return found["repository"], found["config"], found["split"] or "train"
