"""Plain text files: the parts between `<|endoftext|>` marks, or the whole file."""

from __future__ import annotations

from pathlib import Path

from trainables.data.files.decoding import UTF8, read_text
from trainables.data.files.row import Row

DOCUMENT_SEPARATOR = "<|endoftext|>"


def document_rows(path: Path, encoding: str = UTF8) -> list[Row]:
    """The documents of a text file, each as a record {text}."""
    parts = read_text(path, encoding).split(DOCUMENT_SEPARATOR)
    if len(parts) == 1:
        return [Row(str(path), {"text": parts[0]})]
    texts = [part.strip() for part in parts]
    return [
        Row(f"{path} document {number}", {"text": text})
        for number, text in enumerate(texts, start=1)
        if text
    ]
