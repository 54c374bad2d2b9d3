"""The base model that stays loaded in a slot while trial after trial borrows it."""

from __future__ import annotations

import copy
import gc
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BitsAndBytesConfig,
    PreTrainedModel,
)

from trainables.architecture.vocabulary import with_tokens
from trainables.config.trial import TrialConfig
from trainables.core.bars import loading_told
from trainables.core.data_error import said
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.core.progress_bars import no_progress_bars
from trainables.methods.qlora import QuantizationConfig
from trainables.models.isolation import check_isolation
from trainables.training.memory import is_out_of_memory

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Head:
    """What a model puts on its last token instead of words: one number for each label."""

    labels: tuple[str, ...]
    pad_id: int


@dataclass(frozen=True)
class Loading:
    """Which base a trial wants. `weights` is the dtype of what is not quantised."""

    weights: torch.dtype
    quantization: QuantizationConfig | None = None
    compute: torch.dtype = torch.float32


class BaseModel:
    """One base model, loaded at most once for each way of holding its weights.

    A method that keeps the base borrows the loaded model itself. One that changes it (full
    fine-tuning, or any method under ZeRO-3, which takes the weights apart) gets a copy of one that
    waits in the host's memory, so that the device holds the weights only once.
    """

    def __init__(
        self,
        source: ModelSource,
        device: torch.device,
        head: Head | None = None,
        new_tokens: tuple[int, ...] = (),
        progress: Progress = NO_PROGRESS,
    ) -> None:
        self._source = source
        self._device = device
        self._head = head
        self._new_tokens = new_tokens
        self._progress = progress
        self._loaded: dict[tuple[Loading, torch.device], _Held] = {}
        self._keeps_apart = False

    def lend(self, config: TrialConfig) -> PreTrainedModel:
        """The model for one trial, held as its method and precision ask for.

        It is on the device, unless `is_scattered`: then it is in the host's memory. RefusedError
        where packed examples would not be kept apart.
        """
        model = self._lent(config)
        if config.data is not None and config.data.packing and not self._keeps_apart:
            check_isolation(model)
            self._keeps_apart = True
        return model

    def _lent(self, config: TrialConfig) -> PreTrainedModel:
        if borrows_in_place(config):
            return self.shared(config)
        copied = copy.deepcopy(self._load(loading_of(config), torch.device("cpu")))
        return copied if is_scattered(config) else copied.to(self._device)

    def shared(self, config: TrialConfig) -> PreTrainedModel:
        """The untouched base itself on the device, which a trial may read but not change."""
        return self._load(loading_of(config), self._device)

    def forget_touched(self) -> None:
        """Drop what is no longer as it was loaded; the next trial gets it anew.

        For when something broke while a trial borrowed the base. What was refused before that, or
        taken off again, costs no reload.
        """
        self._keep(
            {key: held for key, held in self._loaded.items() if traces(held.model) == held.traces}
        )

    def _load(self, loading: Loading, device: torch.device) -> PreTrainedModel:
        key = loading, device
        if key not in self._loaded:
            self._make_room()
            with self._progress.phase("loading the model"):
                model = load_model(self._source, loading, self._head, device, self._progress)
                model = with_tokens(model, self._new_tokens)
            self._loaded[key] = _Held(model, traces(model))
        return self._loaded[key].model

    def _make_room(self) -> None:
        """Let go of what an accelerator holds for trials of another kind.

        A trial's peak memory must not depend on who was there before.
        """
        self._keep({key: held for key, held in self._loaded.items() if key[1].type == "cpu"})

    def _keep(self, kept: dict[tuple[Loading, torch.device], _Held]) -> None:
        if len(kept) < len(self._loaded):
            self._loaded = kept
            gc.unfreeze()  # a trial's start has kept the collector from what is dropped here
            gc.collect()


class _Held(NamedTuple):
    """A model, and the traces that it had when it was loaded."""

    model: PreTrainedModel
    traces: list[Hashable]


def traces(model: torch.nn.Module) -> list[Hashable]:
    """What tells whether a model was touched: its modules, hooks and weights, by their identities.

    torch counts what is written to a weight in place (`_version`).
    """
    modules = [
        (name, id(module), len(module._forward_hooks), len(module._forward_pre_hooks))
        for name, module in model.named_modules()
    ]
    weights = [
        (name, id(weight), weight.data_ptr(), weight._version, weight.requires_grad)
        for name, weight in model.named_parameters()
    ]
    return [*modules, *weights]


def borrows_in_place(config: TrialConfig) -> bool:
    """Whether a trial can train on the shared base without changing it."""
    return config.tunes.keeps_base(config) and not is_scattered(config)


def is_scattered(config: TrialConfig) -> bool:
    """Whether the ranks share the weights, so that none of them needs to hold all."""
    return config.deepspeed is not None and config.deepspeed.zero_stage == 3


def autocast_dtype(config: TrialConfig) -> torch.dtype | None:
    """The dtype that a trial computes in, where it is not that of its weights."""
    return None if config.precision == "fp32" else DTYPES[config.precision]


def loading_of(config: TrialConfig) -> Loading:
    """How a trial wants the base to be held.

    Half precision holds the weights only where nothing is lost by it: a frozen base, or DeepSpeed,
    whose optimizer keeps fp32 master weights. The plain trainer's full fine-tune keeps fp32 weights
    and computes in half precision.
    """
    safe = config.tunes.keeps_base(config) or config.deepspeed is not None
    weights = DTYPES[config.precision] if safe else torch.float32
    if not config.tunes.quantizes:
        return Loading(weights)
    quantization = config.settings(QuantizationConfig)
    chosen = quantization.compute_dtype
    compute = DTYPES[config.precision if chosen == "auto" else chosen]
    return Loading(weights, quantization, compute)


def load_model(
    source: ModelSource,
    loading: Loading,
    head: Head | None = None,
    device: torch.device | None = None,
    progress: Progress = NO_PROGRESS,
) -> PreTrainedModel:
    """Load a model from safetensors onto `device`; ModelError names the way out.

    A new head is the same in every slot, whatever was drawn at random before.
    """
    device = device or torch.device("cpu")
    kind = AutoModelForSequenceClassification if head else AutoModelForCausalLM
    options: dict[str, object] = {"dtype": loading.weights, **_head_options(head)}
    if loading.quantization:
        options["quantization_config"] = _quantization(loading)
        options["device_map"] = {"": device}
    try:
        with (
            torch.random.fork_rng(devices=[]),
            no_progress_bars(),
            loading_told(progress) as bars,
        ):
            torch.manual_seed(0)
            model: PreTrainedModel = kind.from_pretrained(
                source.name,
                revision=source.revision,
                trust_remote_code=source.trust_remote_code,
                use_safetensors=True,
                tqdm_class=bars,
                **options,
            )
    except Exception as error:  # a library's edge: of nonsense it raises whatever it runs into
        if isinstance(error, torch.AcceleratorError) or is_out_of_memory(error):
            raise  # what the machine lacks is no fault of the model
        where = "folder" if Path(source.name).exists() else "hub model"
        raise ModelError(
            f"model {source.name!r}: its {where} cannot be loaded: {said(error)}"
        ) from error
    if getattr(model, "_hf_peft_config_loaded", False):
        raise ModelError(
            f"model {source.name!r} is loaded with an adapter; merge it, or use a model without one"
        )
    model.config.use_cache = False
    if loading.quantization and device.type == "cpu":
        _settle_on_cpu(model)
    if head:
        model.config.get_text_config().pad_token_id = head.pad_id
    placed: PreTrainedModel = model if loading.quantization else model.to(device)
    return placed.requires_grad_(False)


def _head_options(head: Head | None) -> dict[str, object]:
    if head is None:
        return {}
    names = dict(enumerate(head.labels))
    return {
        "num_labels": len(names),
        "id2label": names,
        "label2id": {name: index for index, name in names.items()},
    }


def _quantization(loading: Loading) -> BitsAndBytesConfig:
    assert loading.quantization is not None
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=loading.quantization.type,
        bnb_4bit_use_double_quant=loading.quantization.double,
        bnb_4bit_compute_dtype=loading.compute,
    )


def _settle_on_cpu(model: PreTrainedModel) -> None:
    """Keep bitsandbytes from two things that it does on CPUs.

    It compiles its kernels anew for each shape, which takes a minute for a small model. And on some
    CPUs it repacks the weights at the first evaluation: layers whose inputs are no multiple of 64
    then fail, and the shared base has changed.
    """
    torch.compiler.set_stance("force_eager")
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
