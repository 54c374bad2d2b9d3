"""One file brought home from a cluster: in the lines of the command that wrote it there.

Ray's job server passes on a command's output, and has no other way for files. The file is
compressed, and complete or refused.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import typer

from sweeps.base.errors import SweepError
from sweeps.base.whole_file import write_whole

_MARK = "winnow-parcel "
_LINE = 16_000
"""Characters in a line: Ray passes on about 20,000 at once."""


def send(path: Path, name: str, say: Callable[[str], object] = typer.echo) -> None:
    """Write the file, called `name` at home, as lines."""
    content = path.read_bytes()
    packed = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    parts = [packed[at : at + _LINE] for at in range(0, len(packed), _LINE)]
    label = {"name": name, "parts": len(parts), "digest": _digest(content)}
    for text in (json.dumps(label), *parts):
        say(f"{_MARK}{text}")


class Parcel:
    """The file in the lines of a command."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def takes(self, line: str) -> bool:
        """Whether the line belongs to the file."""
        if line.startswith(_MARK):
            self._lines.append(line.removeprefix(_MARK).strip())
        return line.startswith(_MARK)

    def unpack(self, to: Path | None, replaces: bool = True) -> Path:
        """Write the file, by default under its own name to the current folder.

        SweepError if it is not whole, or exists and must not be replaced.
        """
        try:
            label = json.loads(self._lines[0])
            content = gzip.decompress(base64.b64decode("".join(self._lines[1:]), validate=True))
            whole = _digest(content) == label["digest"]
            path = to or Path(Path(label["name"]).name)
        except (IndexError, KeyError, ValueError, OSError, EOFError, binascii.Error, zlib.error):
            whole = False
        if not whole:
            raise SweepError("the file did not arrive whole from the cluster; repeat the command")
        if path.exists() and not replaces:
            raise SweepError(f"{path} already exists; choose another file with -o")
        return write_whole(path, content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
