"""The files of the model itself: adapter or whole weights, tokenizer, generation settings."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress

if TYPE_CHECKING:
    from trainables.training.base import Head

_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
_ADAPTER = "adapter_config.json"

BOTTLENECK_FILE = "bottleneck.py"
"""In an export: the PEFT method of the bottleneck adapters."""


class Ground(Protocol):
    """What a trial's method was attached to; the ground of a sweep are one."""

    @property
    def model(self) -> ModelSource:
        """The base model."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of a head's outputs; empty if the model writes."""
        ...

    @property
    def new_tokens(self) -> tuple[int, ...]:
        """The ids added to the base's vocabulary."""
        ...

    @property
    def tokenizer_source(self) -> ModelSource:
        """The source of the tokenizer."""
        ...


@dataclass(frozen=True)
class Form:
    """A whole model or an adapter. `dtype` is the precision of merged weights; None leaves the
    weights as the trial kept them."""

    whole: bool
    merges: bool
    dtype: str | None = None

    def size(self, weights: Path, parameters: int) -> int:
        """Bytes on disk, roughly."""
        if self.dtype is not None:
            return parameters * _BYTES[self.dtype]
        return sum(file.stat().st_size for file in weights.rglob("*") if file.is_file())


def write_model(
    folder: Path,
    form: Form,
    config: TrialConfig,
    ground: Ground,
    weights: Path,
    base: str,
    progress: Progress,
) -> None:
    """Write the model in that form to `folder`, with its tokenizer and generation settings."""
    if form.merges:
        with progress.phase("merging the adapter into the base"):
            _write_merged(folder, form, config, ground, weights)
    elif form.dtype:
        with progress.phase("converting the weights"):
            _write_converted(folder, form, ground, weights)
    else:
        with progress.phase("copying the weights"):
            _copy(weights, folder)
    if not form.whole:
        _name_base(folder / _ADAPTER, config, base)
        if config.method == "adapter":
            from trainables.architecture import bottleneck

            shutil.copyfile(bottleneck.__file__, folder / BOTTLENECK_FILE)
    _write_tokenizer(folder, config, weights)
    if not ground.labels:
        _write_generation(folder, form, config, ground.model)


def _write_merged(
    folder: Path, form: Form, config: TrialConfig, ground: Ground, weights: Path
) -> None:
    from trainables.architecture.vocabulary import with_tokens
    from trainables.models import tuned
    from trainables.models.merging import merged
    from trainables.training.base import DTYPES, load_model, loading_of
    from trainables.training.memory import own_device

    head = _head(ground) if ground.labels else None
    base = load_model(ground.model, loading_of(config), head, own_device())
    base = with_tokens(base, ground.new_tokens)
    assert form.dtype is not None, "a merged model has a precision"
    tuned.save(merged(base, config, weights, DTYPES[form.dtype]), folder, None)


def _head(ground: Ground) -> Head:
    from trainables.data.tokens.tokenizer import embedding_rows, load_tokenizer, pad_id
    from trainables.training.base import Head

    tokenizer = load_tokenizer(ground.tokenizer_source)
    return Head(ground.labels, pad_id(tokenizer, embedding_rows(ground.model)))


def _write_converted(folder: Path, form: Form, ground: Ground, weights: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    from trainables.models import tuned
    from trainables.training.base import DTYPES

    kind = AutoModelForSequenceClassification if ground.labels else AutoModelForCausalLM
    trusted = ground.model.trust_remote_code
    assert form.dtype is not None, "there is something to convert to"
    dtype = DTYPES[form.dtype]
    model = kind.from_pretrained(weights, dtype=dtype, trust_remote_code=trusted)
    tuned.save(model, folder, None)


def _copy(weights: Path, folder: Path) -> None:
    """Copy file by file, so that a full disk is an error with a name."""
    for file in sorted(weights.rglob("*")):
        place = folder / file.relative_to(weights)
        if file.is_dir():
            place.mkdir()
        else:
            shutil.copyfile(file, place)


def _name_base(file: Path, config: TrialConfig, base: str) -> None:
    """Name the base as the sweep file does, with its revision; a worker's path helps nobody."""
    tree: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    tree["base_model_name_or_path"] = base
    if tree.get("tokenizer_name_or_path"):
        tree["tokenizer_name_or_path"] = base
    if not Path(base).is_dir():
        tree["revision"] = config.model_revision
    file.write_text(json.dumps(tree, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_tokenizer(folder: Path, config: TrialConfig, weights: Path) -> None:
    from trainables.data.rendering.named import use_template
    from trainables.data.tokens.tokenizer import load_tokenizer

    trusted = config.trust_remote_code
    tokenizer = load_tokenizer(ModelSource(str(weights), trust_remote_code=trusted))
    if config.learns.writes_answers and not tokenizer.chat_template:
        use_template(tokenizer, DEFAULT_TEMPLATE)
    tokenizer.save_pretrained(folder)


DEFAULT_TEMPLATE = "plain"
"""The template of chats where the tokenizer has none."""


def _write_generation(folder: Path, form: Form, config: TrialConfig, base: ModelSource) -> None:
    """The base's generation settings; the token that ended the trained answers ends a text."""
    from transformers import GenerationConfig

    from trainables.data.tokens.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(ModelSource(str(folder), None, config.trust_remote_code))
    source = folder if form.whole else None
    settings = _generation_of(GenerationConfig, base, source)
    ends = settings.eos_token_id
    known = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in known:
        known = [*known, tokenizer.eos_token_id]
    settings.eos_token_id = known[0] if len(known) == 1 else known or None
    settings.save_pretrained(folder)


def _generation_of(kind: Any, base: ModelSource, whole: Path | None) -> Any:
    """The settings in a whole model's folder, else those of the base; empty if it has none."""
    place, revision = (str(whole), None) if whole else (base.name, base.revision)
    try:
        return kind.from_pretrained(place, revision=revision)
    except OSError:
        return kind()
