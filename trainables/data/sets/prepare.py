"""From a trial's files to memory-mapped sets of examples, built once and cached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from trainables.architecture.family import family_of
from trainables.config.data import DataConfig
from trainables.config.trial import TrialConfig
from trainables.core.atomic import publish
from trainables.core.model_source import ModelSource
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.files.origin import Kind
from trainables.data.making.prompts import prompts
from trainables.data.records.conversation import Conversation
from trainables.data.rendering.named import template_identity, use_template
from trainables.data.rendering.turn_end import turn_end_notes
from trainables.data.retrieval.chats import ASKED, write_chats
from trainables.data.retrieval.knowledge import FOLDER as KNOWLEDGE
from trainables.data.retrieval.knowledge import FURTHER as KNOWLEDGE_TOO
from trainables.data.retrieval.knowledge import write_texts
from trainables.data.sets.draft import Draft, draft
from trainables.data.sets.rows import check_rows, padding_remarks
from trainables.data.sets.sources import Sources, file_names, knowledge_names, origins_of
from trainables.data.sets.summary import Summary
from trainables.data.tokens.examples import BYTES, Example, FloatArray, write
from trainables.data.tokens.packing import best_fit, write_packs
from trainables.data.tokens.prompts import write_prompts
from trainables.data.tokens.text_bytes import text_bytes
from trainables.data.tokens.texts import DECODER, TextForm
from trainables.data.tokens.tokenizer import (
    Tokenizer,
    add_tokens,
    config_file,
    context_length,
    embedding_rows,
    identity,
    load_tokenizer,
)
from trainables.objectives.classification import ClassificationConfig

FORMAT_VERSION = 13
"""To be increased whenever the same files would give different examples than before."""

_MEASURED = ("validation", "test")
"""Sets with prompts and bytes, where the objective has them."""

_TOKENIZER = "tokenizer"
_NEW_TOKENS = "new_tokens.json"


@dataclass(frozen=True, slots=True)
class _Model:
    """What the data must know of the model: its tokenizer, and the limits in its config."""

    source: ModelSource
    context: int | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A folder with a folder for each set, and an identifier of their contents.

    `tokenizer` is a folder with the tokenizer, if it has new tokens or another template;
    `new_tokens` are the ids of the former.
    """

    folder: Path
    fingerprint: str
    summary: Summary
    tokenizer: Path | None = None
    new_tokens: tuple[int, ...] = ()

    @property
    def train(self) -> Path:
        """The training set, to open with `Examples`."""
        return self.folder / "train"

    @property
    def validation(self) -> Path:
        """The set for comparing trials."""
        return self.folder / "validation"

    @property
    def knowledge(self) -> Path | None:
        """The texts of data.knowledge, if there are any."""
        folder = self.folder / KNOWLEDGE
        return folder if folder.is_dir() else None

    def further(self, name: str) -> Path | None:
        """The set of that name (test, general, mix), if there is one."""
        return self.folder / name if name in self.summary.sets else None


def prepare(
    config: TrialConfig,
    tokenizer: str,
    cache: Path,
    context_limit: int | None = None,
    progress: Progress = NO_PROGRESS,
) -> PreparedData:
    """Read, tokenise, split and store the data of `config`, or find them already stored.

    `tokenizer` is a local folder or a hub id (read at `config.model_revision`). `context_limit` is
    the model's maximum number of tokens, by default from its config.json. Equal files, tokenizer
    and settings share one folder in `cache`; then no tokenizer is loaded. DataError if the data or
    the tokenizer are unusable.
    """
    assert config.data is not None, f"objective {config.objective} reads no data"
    source = replace(config.model_source, name=tokenizer)
    rows = embedding_rows(source)
    limit = context_limit if context_limit is not None else context_length(source)
    with progress.phase("fingerprinting the data"):
        fingerprint = _fingerprint(config, config.data, source, limit, rows)
    folder = cache / fingerprint
    if not folder.is_dir():
        model = _Model(source, limit, rows)
        publish(folder, lambda temporary: _build(temporary, config, model, progress))
    summary = Summary.load(folder / "summary.json")
    return PreparedData(
        folder.absolute(),
        fingerprint,
        summary,
        (folder / _TOKENIZER).absolute()
        if config.data.new_tokens or config.data.template
        else None,
        _new_tokens(folder),
    )


def _fingerprint(
    config: TrialConfig,
    data: DataConfig,
    tokenizer: ModelSource,
    limit: int | None,
    rows: int | None,
) -> str:
    files = {part: _identities(names) for part, names in file_names(data).items()}
    parts = {
        "version": FORMAT_VERSION,
        "objective": config.objective,
        "targets": _target_settings(config),
        "tokenizer": identity(tokenizer),
        **files,
        "knowledge": _identities(knowledge_names(data), KNOWLEDGE_TOO),
        "retrieve": data.retrieve.model_dump() if data.retrieve else None,
        "fractions": [each for each in (data.validation, data.test) if not isinstance(each, str)],
        "columns": data.columns,
        "encoding": data.encoding,
        "bad_rows": data.bad_rows,
        "new_tokens": data.new_tokens,
        "template": template_identity(data.template),
        "train_on": data.train_on,
        "reasoning": data.reasoning,
        "max_length": data.max_length,
        "packing": data.packing,
        "context": limit,
        "rows": rows,
        "seed": data.seed,
        "records": config.scores_records,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _target_settings(config: TrialConfig) -> list[object]:
    """The settings that decide what a classifier predicts."""
    settings = config.settings(ClassificationConfig)
    return [settings.target, settings.labels, settings.delimiter]


def _identities(
    names: Iterable[str], further: Mapping[str, Kind] = MappingProxyType({})
) -> list[tuple[str, str]]:
    return [origin.identity() for origin in origins_of(names, further)]


def _build(folder: Path, config: TrialConfig, model: _Model, progress: Progress) -> None:
    assert config.data is not None, "checked by prepare"
    wanted = config.data.max_length
    form, reached = _form(config)
    length = min(wanted, model.context or wanted, reached or wanted)
    sources = Sources.read(config, progress)
    with progress.phase("loading the tokenizer"):
        loaded = load_tokenizer(model.source)
    new_tokens = add_tokens(loaded, config.data.new_tokens, model.rows)
    if config.data.template:
        use_template(loaded, config.data.template)
    made = draft(sources, config, loaded, length, progress, form)
    check_rows(made.sets(), loaded, model.rows, new_tokens)
    packs = _packs(made, config.data, length)
    cut = (f"max_length {wanted:,} is cut to the model's context",) if length < wanted else ()
    padding = padding_remarks(loaded, model.rows)
    unused = _unused(loaded, new_tokens, made.sets()["train"])
    notes = (*cut, *padding, *unused, *_turn_ends(config, config.data, loaded))
    for name, examples in made.sets().items():
        write(folder / name, examples)
    for name in _MEASURED if config.learns.learns_text else ():
        if name in made.sets():
            np.save(folder / name / BYTES, _text_bytes(made.sets()[name], loaded))
    kept: dict[str, Sequence[Conversation]] = {**made.asked, "train": made.shown}
    for name, chats in made.asked.items():
        write_prompts(folder / name, *prompts(chats, loaded))
        if chats != kept[name]:
            write_chats(folder / name, chats, ASKED)
    for name, each in kept.items():
        if each:
            write_chats(folder / name, each)
    if sources.knowledge:
        write_texts(folder, sources.knowledge)
    for name, together in packs.items():
        write_packs(folder / name, together)
    summary = made.summary(sources, length, notes)
    summary.with_packs(packs).save(folder / "summary.json")
    if new_tokens or config.data.template:
        loaded.save_pretrained(folder / _TOKENIZER)
    if new_tokens:
        (folder / _NEW_TOKENS).write_text(json.dumps(new_tokens), encoding="utf-8")


def _form(config: TrialConfig) -> tuple[TextForm, int | None]:
    """The form in which the model reads texts, and the maximum tokens if that is an encoder's."""
    if family_of(config_file(config.model_source)) != "encoder":
        return DECODER, None
    from trainables.architecture.reach import reach

    found = reach(config.model_source)
    return TextForm(encoder=True, token_types=found.token_types), found.tokens


def _packs(made: Draft, data: DataConfig, length: int) -> dict[str, list[list[int]]]:
    """Packs of each training set. Measured sets are never packed, so that packing trials and others
    measure losses on the same single examples."""
    learned = [name for name in ("train", "mix") if data.packing and name in made.sets()]
    return {name: best_fit(_lengths(made.sets()[name]), length) for name in learned}


def _text_bytes(examples: Iterable[Example], tokenizer: Tokenizer) -> FloatArray:
    return np.array([float(text_bytes(each.sequences[0], tokenizer)) for each in examples])


def _lengths(examples: Iterable[Example]) -> list[int]:
    return [len(example.sequences[0].tokens) for example in examples]


def _turn_ends(config: TrialConfig, data: DataConfig, tokenizer: Tokenizer) -> list[str]:
    answers = config.learns.writes_answers
    return turn_end_notes(tokenizer, data.template is not None) if answers else []


def _unused(tokenizer: Tokenizer, new: Sequence[int], train: Sequence[Example]) -> list[str]:
    """A note for each new token absent from the training set: nothing trains its embedding."""
    sequences = [sequence.tokens for example in train for sequence in example.sequences]
    seen = np.isin(new, np.concatenate(sequences)) if new else ()
    missing = [token for token, there in zip(new, seen, strict=True) if not there]
    return [
        f"data.new_tokens: {tokenizer.decode([token])!r} is in no training sequence"
        for token in missing
    ]


def _new_tokens(folder: Path) -> tuple[int, ...]:
    path = folder / _NEW_TOKENS
    return tuple(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else ()
