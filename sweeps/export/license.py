"""The license that a base model states."""

from __future__ import annotations

from pathlib import Path

import yaml

from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import hub_file


def license_of(source: ModelSource) -> str | None:
    """The `license` in the metadata of its README.md; None if it states none or has none."""
    card = Path(source.name) / "README.md" if source.folder else hub_file(source, "README.md")
    if card is None or not card.is_file():
        return None
    parts = card.read_text(encoding="utf-8", errors="replace").split("\n---")
    if not parts[0].startswith("---") or len(parts) < 2:
        return None
    try:
        tree = yaml.safe_load(parts[0].removeprefix("---"))
    except yaml.YAMLError:
        return None
    stated = tree.get("license_name") or tree.get("license") if isinstance(tree, dict) else None
    return str(stated) if stated else None
