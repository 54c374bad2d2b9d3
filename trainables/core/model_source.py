"""The source of a model. Light."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A folder or a hub id, the revision of the latter, and whether the model's own code may run.
    A tokenizer has the same kind of source."""

    name: str
    revision: str | None = None
    trust_remote_code: bool = False

    @property
    def folder(self) -> Path | None:
        """The local folder; None for a hub id."""
        folder = Path(self.name).expanduser()
        return folder if folder.is_dir() else None

    @property
    def is_path(self) -> bool:
        """Whether it can only be a folder, existing or not: a hub id is NAME or OWNER/NAME."""
        return self.name.startswith((".", "/", "~")) or self.name.count("/") > 1

    @property
    def pinned(self) -> str:
        """The hub id with its revision."""
        return f"{self.name}@{self.revision or 'main'}"
