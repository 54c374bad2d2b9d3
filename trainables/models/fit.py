"""Whether the choices of a search are possible with its model, found out without its weights."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.problem import Problem
from trainables.config.trial import TrialConfig
from trainables.core.atomic import publish
from trainables.data.tokens.tokenizer import config_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_REMARKS = "remarks.json"

_ATTENTION_SIGNS = {
    "sdpa": "_supports_sdpa",
    "flash_attention_2": "_supports_flash_attn",
    "flex": "_supports_flex_attn",
}
"""Attributes by which a model of transformers says what it supports."""

VERSION = 2
"""To be increased whenever the checks change."""


class Fit:
    """What a model says to the trials that a search can draw.

    Remarks of a search that fits are kept in the folder `passed`: a launch of the same again needs
    no second look, which would import torch and transformers.
    """

    def __init__(self, trial: TrialConfig, passed: Path) -> None:
        self._source = trial.model_source
        self._objective = trial.objective
        self._has_head = trial.learns.has_head
        self._passed = passed

    def judge(
        self, configs: Sequence[TrialConfig]
    ) -> tuple[list[tuple[int, Problem]], tuple[str, ...]]:
        """The problems, each with the place of the first config that has it; and all remarks."""
        mark = self._mark(configs)
        if mark and mark.exists():
            return [], tuple(json.loads((mark / _REMARKS).read_text(encoding="utf-8")))
        problems, remarks = self._judged(configs)
        if mark and not problems:
            written = json.dumps(remarks)
            publish(mark, lambda folder: _write(folder / _REMARKS, written))
        return problems, remarks

    def _judged(
        self, configs: Sequence[TrialConfig]
    ) -> tuple[list[tuple[int, Problem]], tuple[str, ...]]:
        from trainables.models.skeleton import skeleton

        model = skeleton(self._source, self._objective, self._has_head)
        if model is None:
            return [], (
                f"The searched choices are not compared with model {self._source.name}, which "
                "transformers cannot build without its weights.",
            )
        found: dict[Problem, int] = {}
        remarks: dict[str, None] = {}
        for place, config in enumerate(configs):
            problems = list(misfits(model, config))
            for problem in problems:
                found.setdefault(problem, place)
            if not problems:
                remarks.update(dict.fromkeys(config.tunes.remarks(model, config)))
        return [(place, problem) for problem, place in found.items()], tuple(remarks)

    def _mark(self, configs: Iterable[TrialConfig]) -> Path | None:
        """A folder named after everything that the judgement depends on."""
        file = config_file(self._source)
        if file is None or not file.is_file() or self._source.trust_remote_code:
            return None
        digest = hashlib.sha256(file.read_bytes())
        asked = [VERSION, version("transformers"), version("peft"), self._has_head]
        asked += [config.model_dump_json(exclude={"model"}) for config in configs]
        digest.update(json.dumps(asked).encode())
        return self._passed / f"fit-{digest.hexdigest()[:32]}"


def misfits(model: PreTrainedModel, config: TrialConfig) -> list[Problem]:
    """The choices of a trial that are impossible with the model."""
    return [
        *config.tunes.misfits(model, config),
        *_packing(model, config),
        *_attention(model, config),
    ]


def _packing(model: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
    """Architectures that cannot keep packed examples apart; isolation.py tests all others."""
    if config.data is None or not config.data.packing:
        return
    name, faults = type(model).__name__, []
    if getattr(model, "_is_stateful", False):
        faults.append("carries a state from one packed example to the next")
    elif "position_ids" not in inspect.signature(model.forward).parameters:
        faults.append("does not accept position ids")
    for fault in faults:
        yield Problem(
            "data.packing",
            f"{name} {fault}, so packed examples would not train like single ones",
            "leave data.packing out, or use another model",
        )


def _attention(model: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
    able = [name for name, sign in _ATTENTION_SIGNS.items() if getattr(model, sign, False)]
    if config.attention in _ATTENTION_SIGNS and config.attention not in able:
        yield Problem(
            "attention",
            f"{type(model).__name__} does not support {config.attention}",
            f"use {', '.join(['auto', *able])} or eager",
        )


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
