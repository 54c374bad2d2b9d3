"""The process of a scoring file: `python code_process.py FILE FUNCTION FOLDER`.

It reads `given.json` in the folder and writes `told.json` there: {"value": ...} or {"error": ...}.
Imports nothing of this package, so that it starts at once.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

_ARGUMENTS = ("prompts", "answers", "references", "records")


def main(file: str, name: str, folder: Path) -> None:
    """Call the function with what is given; without anything, only look for it."""
    given = json.loads((folder / "given.json").read_text(encoding="utf-8"))
    try:
        function = _function(file, name)
        value = function(*(given[each] for each in _ARGUMENTS)) if given else None
        told = json.dumps({"value": value}, default=_plain)
    except BaseException as error:  # noqa: BLE001 (the process's edge; sys.exit() is told too)
        told = json.dumps({"error": _told(error, file)})
    (folder / "told.json").write_text(told, encoding="utf-8")


def _function(file: str, name: str) -> Callable[..., object]:
    spec = importlib.util.spec_from_file_location("scoring_file", file)
    assert spec and spec.loader, "a .py file"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        known = [each for each, value in vars(module).items() if inspect.isfunction(value)]
        raise LookupError(f"there is no function {name}; its functions: {', '.join(known) or '-'}")
    try:
        inspect.signature(function).bind(*_ARGUMENTS)
    except TypeError as error:
        raise LookupError(f"{name} must take ({', '.join(_ARGUMENTS)}): {error}") from None
    found: Callable[..., object] = function
    return found


def _plain(value: object) -> object:
    """A number or an array of a library as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"returned a {type(value).__name__}, which is no number, list or dict")


def _told(error: BaseException, file: str) -> dict[str, object]:
    """The error with the line of the file where it arose; no line if it is about the whole."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append(error.lineno)
    ours = isinstance(error, LookupError) and not lines
    said = str(error) if ours else f"{type(error).__name__}: {error}"
    if isinstance(error, SystemExit):
        said = f"sys.exit({error.code!r}) was called; a metric's function must return instead"
    return {"line": lines[-1] if lines else None, "said": said.strip().rstrip(":")}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    # Threads and exit handlers of the file could keep the process from ending.
    os._exit(0)
