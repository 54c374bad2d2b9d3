"""`builtin:pydoc`: a small base model and its instruction pairs, built on first use and kept.

Built in about half a minute on two cores, in the cache folder and nowhere else, without a network.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from sweeps.builtin import PREFIX
from sweeps.builtin.corpus import Source, pairs, pretraining_text, stdlib_sources
from sweeps.builtin.pretraining import Recipe, Trained, pretrain
from sweeps.builtin.tokenizer import train_tokenizer
from trainables.config.trial import TrialConfig
from trainables.core.atomic import publish
from trainables.core.data_error import DataError
from trainables.core.model_source import ModelSource
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.making.blocks import blocks, tokenise
from trainables.data.sets.sources import file_names
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import load_tokenizer

NAMES = ("builtin:pydoc",)

_FIELDS = {"train": "data.train", "general": "data.general", "mix": "data.mix.train"}
"""Fields that may name built-in data."""

RECIPE_VERSION = 2
"""Must increase when the same Python and recipe give another model or other pairs."""


@dataclass(frozen=True, slots=True)
class BuiltinPaths:
    """The model's folder, and the file of alpaca records to fine-tune it on."""

    model: Path
    data: Path


def resolve(config: TrialConfig, home_cache: Path, progress: Progress = NO_PROGRESS) -> TrialConfig:
    """The configuration with builtin names replaced by paths, built if missing.

    DataError on an unknown builtin name.
    """
    files = file_names(config.data) if config.data else {}
    named = chain([config.model], *(files[part] for part in _FIELDS if part in files))
    asked = [name for name in named if name.startswith(PREFIX)]
    for name in asked:
        if name not in NAMES:
            raise DataError(f"{name} is not a built-in name; use {' or '.join(NAMES)}, or a path")
    if not asked:
        return config
    paths = ensure(home_cache, progress)
    model = str(paths.model) if config.model in NAMES else config.model
    places = {
        _FIELDS[part]: tuple(str(paths.data) if name in NAMES else name for name in names)
        for part, names in files.items()
        if part in _FIELDS and names
    }
    return config.with_params({"model": model, **places})


def ensure(
    home_cache: Path, progress: Progress = NO_PROGRESS, recipe: Recipe | None = None
) -> BuiltinPaths:
    """The builtin model and data below `home_cache`, built first if missing.

    One process builds and others wait for it; a killed build leaves no incomplete model behind.
    """
    recipe = recipe or Recipe()
    folder = home_cache / f"pydoc-{_key(recipe)}"
    if not folder.is_dir():
        with _locked(folder.with_suffix(".lock"), progress):
            if not folder.is_dir():
                publish(folder, lambda temporary: _build(temporary, recipe, progress))
    return BuiltinPaths(folder / "model", folder / "pydoc.jsonl")


def _key(recipe: Recipe) -> str:
    parts = [RECIPE_VERSION, platform.python_version(), asdict(recipe)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """A lock for one process at a time; the system releases it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        with progress.phase("waiting for another process to build builtin:pydoc"):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, recipe: Recipe, progress: Progress) -> None:
    begun = time.monotonic()
    with progress.phase("building builtin:pydoc", recipe.steps) as gauge:
        sources = stdlib_sources()
        count = _write_pairs(folder / "pydoc.jsonl", sources)
        model = folder / "model"
        text = _blocks(sources, recipe, model)
        trained = pretrain(text, recipe, model, after_step=gauge.advance)
    _describe(folder / "about.json", count, trained, time.monotonic() - begun)


def _write_pairs(path: Path, sources: Sequence[Source]) -> int:
    lines = [json.dumps(pair.record()) for source in sources for pair in pairs(source)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def _blocks(sources: Sequence[Source], recipe: Recipe, model: Path) -> list[TokenSequence]:
    """Whole blocks of randomly drawn modules, and the tokenizer trained on them."""
    shuffled = np.random.default_rng(recipe.seed).permutation(len(sources))
    enough = _enough([sources[place] for place in shuffled], recipe.tokens)
    texts = list(map(pretraining_text, enough))
    train_tokenizer(texts, recipe.vocabulary, model)
    tokenised = tokenise(texts, load_tokenizer(ModelSource(str(model))))
    cut = blocks(tokenised, recipe.context)
    return [block for block in cut if len(block.tokens) == recipe.context]


def _enough(sources: Sequence[Source], tokens: int) -> Sequence[Source]:
    """Enough sources for `tokens` tokens of at most 5 characters; all if there are fewer."""
    ends = np.cumsum([len(source.text) for source in sources])
    return sources[: int(np.searchsorted(ends, 5 * tokens)) + 1]


def _describe(path: Path, count: int, trained: Trained, seconds: float) -> None:
    facts = {
        "pairs": count,
        "parameters": trained.parameters,
        "text_loss": round(trained.loss, 4),
        "build_seconds": round(seconds, 1),
        "python": platform.python_version(),
    }
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
