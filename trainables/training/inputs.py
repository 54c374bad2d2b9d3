"""Inputs prepared once per sweep and read by every trial: the model's place, the token files."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.objectives.classification import Target
from trainables.training.scoring.reward_source import RewardSource, reward_sources

if TYPE_CHECKING:
    from trainables.data.sets.summary import Summary

_WHOLE_FILE_BYTES = 64 * 2**20
"""Larger weight files are fingerprinted by both ends and their size: reading 16 GB takes long."""


@dataclass(frozen=True)
class Inputs:
    """The base model, and the sets as folders of examples.

    `labels` are the class names in index order, and `target` what a classifier predicts.
    `tokenizer` is a folder or a hub id, unset if it is the model's own; `new_tokens` are the ids
    that it adds to the model's. Optional sets: `test`, never used for selection; `general`,
    measured beside the validation set; and `mix`, whose examples are mixed into those of `train`.
    `knowledge` holds the texts in which passages are looked up. `metric_files` are the texts of the
    files that own metrics name. `judgements` is where the replies of judges are kept.
    `reward_models` give metrics of answers, by whose names they are known.
    """

    model: ModelSource
    train: Path
    validation: Path
    labels: tuple[str, ...] = ()
    target: Target | None = None
    tokenizer: str | None = None
    new_tokens: tuple[int, ...] = ()
    test: Path | None = None
    general: Path | None = None
    mix: Path | None = None
    knowledge: Path | None = None
    metric_files: Mapping[str, str] = field(default_factory=dict)
    judgements: Path | None = None
    reward_models: Mapping[str, RewardSource] = field(default_factory=dict)

    @property
    def tokenizer_source(self) -> ModelSource:
        """The source of the tokenizer."""
        return replace(self.model, name=self.tokenizer) if self.tokenizer else self.model

    @property
    def sets(self) -> list[Path]:
        """The folders of all sets."""
        found = (self.train, self.validation, self.test, self.general, self.mix)
        return [folder for folder in found if folder]

    def unseen(self) -> str | None:
        """Why this node cannot train with them, if it does not see the prepared data."""
        if self.train.is_dir():
            return None
        return f"{socket.gethostname()} cannot read {self.train}"

    def folders(self) -> list[str]:
        """The inputs that are local folders, not names on the hub."""
        rewarding = (source.model.name for source in self.reward_models.values())
        values = (self.model.name, *(getattr(self, name) for name in _PLACES), *rewarding)
        return [str(value) for value in values if value and Path(value).is_dir()]

    def moved(self, places: Mapping[str, str]) -> Inputs:
        """The same inputs in other folders (old path -> new)."""
        found = {name: getattr(self, name) for name in _PLACES}
        changes = {
            name: type(value)(places[str(value)])
            for name, value in found.items()
            if value and str(value) in places
        }

        def there(source: ModelSource) -> ModelSource:
            return replace(source, name=places.get(source.name, source.name))

        rewarding = {
            name: replace(source, model=there(source.model))
            for name, source in self.reward_models.items()
        }
        return replace(self, model=there(self.model), reward_models=rewarding, **changes)


_PLACES = ("tokenizer", "train", "validation", "test", "general", "mix", "knowledge")


@dataclass(frozen=True)
class Prepared:
    """Inputs, with the facts for the user and the record; `winners` are the models taken from
    earlier sweeps, by field."""

    inputs: Inputs
    data_fingerprint: str
    model_fingerprint: str
    summary: Summary
    remarks: tuple[str, ...] = ()
    winners: Mapping[str, str] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """A summary of the data in a few lines."""
        return self.summary.describe()


def prepare_inputs(
    config: TrialConfig,
    cache: Path,
    trains: bool = True,
    progress: Progress = NO_PROGRESS,
    remarks_on: Callable[[TrialConfig], tuple[str, ...]] = lambda _: (),
) -> Prepared:
    """Build or find the token files.

    DataError or ModelError if something cannot be used. Imports transformers only if the data or
    the model is new. Without `trains`, a model needs no weights. `remarks_on` sees the model once
    it is found to be sound, before the data are read.
    """
    from trainables.data.sets.prepare import prepare
    from trainables.training.scoring.files import checked_files

    metric_files = checked_files(config)
    cache = cache.resolve()
    config, rewarding, remarks = prepare_model(config, cache, trains, progress, remarks_on)
    data = prepare(config, config.model, cache / "data", progress=progress)
    # Workers may have another working folder and another home, so all paths are absolute.
    inputs = Inputs(
        config.model_source,
        train=data.train,
        validation=data.validation,
        labels=data.summary.labels,
        target=data.summary.target,
        tokenizer=str(data.tokenizer) if data.tokenizer else None,
        new_tokens=data.new_tokens,
        test=data.further("test"),
        general=data.further("general"),
        mix=data.further("mix"),
        knowledge=data.knowledge,
        metric_files=metric_files,
        judgements=cache / "judgements",
        reward_models=rewarding,
    )
    fingerprint = _fingerprint(config.model_source, rewarding)
    return Prepared(inputs, data.fingerprint, fingerprint, data.summary, remarks)


def prepare_model(
    config: TrialConfig,
    cache: Path,
    trains: bool = True,
    progress: Progress = NO_PROGRESS,
    remarks_on: Callable[[TrialConfig], tuple[str, ...]] = lambda _: (),
) -> tuple[TrialConfig, Mapping[str, RewardSource], tuple[str, ...]]:
    """The same without the data: the trial with a sound model, its reward models, and remarks."""
    from trainables.models.family_check import check_family
    from trainables.models.model_folder import check_model
    from trainables.models.ready import made_ready

    config = config.with_params({"model": _absolute(config.model)})
    ready, done = made_ready(config.model_source, cache / "models", trains, progress)
    config = config.with_params({"model": ready.name})
    with progress.phase("looking at the model"):
        check_model(config.model_source, weights=trains, passed=cache / "checked")
        check_family(config)
        rewarding, prepared = reward_sources(config, cache, trains, progress)
        return config, rewarding, (*done, *prepared, *remarks_on(config))


def _absolute(model: str) -> str:
    """A folder's absolute path, since workers have other working folders; a hub id unchanged."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if folder.is_dir() else model


def _fingerprint(model: ModelSource, rewarding: Mapping[str, RewardSource]) -> str:
    """That of the model; with reward models, of these too: they judge the trials."""
    found = model_fingerprint(model)
    if not rewarding:
        return found
    others = [f"{name}={model_fingerprint(each.model)}" for name, each in rewarding.items()]
    return f"{found}+{hashlib.sha256(' '.join(others).encode()).hexdigest()[:16]}"


def model_fingerprint(source: ModelSource) -> str:
    """A short hash of a local model's files, or the hub id with its revision."""
    folder = source.folder
    if folder is None:
        return source.pinned
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("config.json")]):
        digest.update(f"{file.name}:{file.stat().st_size}".encode())
        digest.update(_sample(file))
    return digest.hexdigest()[:16]


def _sample(file: Path) -> bytes:
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= _WHOLE_FILE_BYTES:
            return stream.read()
        head = stream.read(_WHOLE_FILE_BYTES // 2)
        stream.seek(size - _WHOLE_FILE_BYTES // 2)
        return head + stream.read()
