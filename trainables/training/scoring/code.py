"""Scoring files, run in a process of their own.

So a file cannot change the trainer's random state or its modules, what it prints goes nowhere, and
it can be ended when it hangs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from trainables.config.own_metrics import CodeMetric
from trainables.core.data_error import printable, short
from trainables.core.errors import RefusedError
from trainables.core.hidden_secrets import without_secrets
from trainables.metrics.written import Answer
from trainables.training.scoring import code_process

_LONGEST = 500
"""Maximum characters of what a scoring file says."""

_ALONE = "; correct it: it may import installed packages, and has no files beside it"
"""The way out for a file that is only imported."""


@dataclass(frozen=True)
class ScoringFile:
    """The text of a metric's file. It is alone in its folder, on every node alike."""

    name: str
    metric: CodeMetric
    text: str

    def check(self, limit: float) -> None:
        """RefusedError if it cannot be imported or lacks the function."""
        self._run({}, limit, _ALONE, "load less when it is imported")

    def values(self, answers: Sequence[Answer], limit: float | None) -> object:
        """What the function returns for the answers; RefusedError if it fails."""
        given = {
            "prompts": [answer.question for answer in answers],
            "answers": [answer.said for answer in answers],
            "references": [list(answer.references) for answer in answers],
            "records": [dict(answer.record) for answer in answers],
        }
        first = f"; first prompt: {short(answers[0].question)!r}"
        return self._run(given, limit, first, "make it faster, or raise slots.trial_timeout")

    def _run(
        self, given: Mapping[str, object], limit: float | None, asked: str, if_slow: str
    ) -> object:
        with TemporaryDirectory(prefix="scoring-") as folder:
            place = Path(folder)
            file = place / PurePath(self.metric.file).name
            file.write_text(self.text, encoding="utf-8")
            (place / "given.json").write_text(json.dumps(given), encoding="utf-8")
            try:
                code = self._ended(file, place, limit)
            except subprocess.TimeoutExpired:
                where = asked if given else ""
                raise self._refusal(f"took longer than {limit:g} s; {if_slow}", where) from None
            if not (place / "told.json").exists():
                raise self._refusal(f"ended its process with code {code}", asked)
            told = json.loads((place / "told.json").read_text(encoding="utf-8"))
        if "error" in told:
            line, said = told["error"]["line"], told["error"]["said"]
            where = f"line {line}: {said}" if line else said
            raise self._refusal(where, asked)
        return told["value"]

    def _ended(self, file: Path, place: Path, limit: float | None) -> int:
        """The exit code of its process, which is killed with its children after `limit` seconds;
        TimeoutExpired if it was."""
        # -P keeps our folder out of the file's imports.
        command = [sys.executable, "-P", str(code_process.__file__)]
        process = subprocess.Popen(
            [*command, str(file), self.metric.function, str(place)],
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(limit)
        finally:
            with suppress(ProcessLookupError):  # children that it may have left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _refusal(self, said: str, asked: str) -> RefusedError:
        short = " ".join(without_secrets(said).split())[:_LONGEST]
        return RefusedError(printable(f"metrics.{self.name}: {self.metric.file}, {short}{asked}"))
