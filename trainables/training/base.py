"""The base model that stays loaded in a slot while successive trials borrow it."""

from __future__ import annotations

import copy
import gc
import time
from collections.abc import Hashable, Mapping
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
from trainables.data.tokens.tokenizer import config_file
from trainables.losses.head_check import apart
from trainables.losses.tokens import WHOLE_LOGITS, TokenLosses
from trainables.methods.qlora import QuantizationConfig
from trainables.models.hf_config import is_quantised
from trainables.models.isolation import check_isolation
from trainables.models.skeleton import kept_whole
from trainables.objectives.classification import Target
from trainables.training.memory import is_out_of_memory

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

_ATTENTION: Mapping[str, str | None] = {"auto": None, "flex": "flex_attention"}
"""transformers' names, where they differ."""

PROBLEM_TYPES: Mapping[Target, str] = {
    "single_label": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
}
"""transformers' names."""


@dataclass(frozen=True)
class Head:
    """A head in place of the vocabulary: one number for each label.

    A classifier's `target` is written into the model's config, for its users.
    """

    labels: tuple[str, ...]
    pad_id: int
    target: Target | None = None


@dataclass(frozen=True)
class Loading:
    """The base that a trial needs. `weights` is the dtype of the weights that are not quantised.

    `attention` is transformers' name of its implementation; None is transformers' choice.
    """

    weights: torch.dtype
    quantization: QuantizationConfig | None = None
    compute: torch.dtype = torch.float32
    attention: str | None = None


class BaseModel:
    """One base model, loaded at most once for each way of holding its weights.

    A method that keeps the base borrows the loaded model itself. One that changes it (full
    fine-tuning, or any method under ZeRO-3, which takes the weights apart) gets a copy of a model
    in host memory, so that the device holds the weights only once.
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
        self.loading_seconds = 0.0
        """Of all loads so far."""
        self._keeps_apart = False
        self._compared = head is not None
        self.tokens = WHOLE_LOGITS
        """How token losses are computed; known once a model is loaded."""

    def lend(self, config: TrialConfig) -> PreTrainedModel:
        """The model for one trial, held as its method and precision require.

        It is on the device, or in host memory if `is_scattered`. RefusedError if packed examples
        would not be isolated from each other.
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
        """The untouched base on the device, which a trial may read but not change."""
        return self._load(loading_of(config), self._device)

    def forget_touched(self) -> None:
        """Drop models that differ from their loaded state; the next trial reloads them.

        For failures while a trial borrowed the base. A trial refused earlier, or an adapter removed
        again, costs no reload.
        """
        self._keep(
            {key: held for key, held in self._loaded.items() if traces(held.model) == held.traces}
        )

    def _load(self, loading: Loading, device: torch.device) -> PreTrainedModel:
        key = loading, device
        if key not in self._loaded:
            self._make_room()
            began = time.monotonic()
            with self._progress.phase("loading the model"):
                model = load_model(self._source, loading, self._head, device, self._progress)
                model = with_tokens(model, self._new_tokens)
                self._compare_head(model)
            self._loaded[key] = _Held(model, traces(model))
            self.loading_seconds += time.monotonic() - began
        return self._loaded[key].model

    def _compare_head(self, model: PreTrainedModel) -> None:
        """Find out at the first load whether logits can be computed at the targets only."""
        if self._compared:
            return
        self._compared = True
        head = apart(model)
        self.tokens = TokenLosses(head)
        if head is None:
            self._progress.remark(
                f"{type(model).__name__} does not compute its logits from its head in a way known "
                "here: whole logits are computed, which takes more memory and time"
            )

    def _make_room(self) -> None:
        """Release the copies on an accelerator, which were held for trials of another kind.

        A trial's peak memory must not depend on earlier trials.
        """
        self._keep({key: held for key, held in self._loaded.items() if key[1].type == "cpu"})

    def _keep(self, kept: dict[tuple[Loading, torch.device], _Held]) -> None:
        if len(kept) < len(self._loaded):
            self._loaded = kept
            gc.unfreeze()  # the trial's start froze these objects out of garbage collection
            gc.collect()


class _Held(NamedTuple):
    """A model, and its traces when it was loaded."""

    model: PreTrainedModel
    traces: list[Hashable]


def traces(model: torch.nn.Module) -> list[Hashable]:
    """Evidence of changes to a model: the identities of its modules, hooks and weights.

    torch counts in-place writes to a weight (`_version`).
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
    """Whether the ranks share the weights, so that none needs to hold all of them."""
    return config.deepspeed is not None and config.deepspeed.zero_stage == 3


def autocast_dtype(config: TrialConfig) -> torch.dtype | None:
    """The dtype of a trial's computation, if it differs from that of its weights."""
    return None if config.precision == "fp32" else DTYPES[config.precision]


def autocast(config: TrialConfig, device: torch.device) -> torch.autocast:
    """Context in which a trial's model computes on this device as its precision says."""
    dtype = autocast_dtype(config)
    return torch.autocast(device.type, dtype, enabled=dtype is not None)


def loading_of(config: TrialConfig) -> Loading:
    """How a trial needs the base to be held.

    Weights are held in half precision only if nothing is lost: for a frozen base, or under
    DeepSpeed, whose optimizer keeps fp32 master weights. The plain trainer's full fine-tuning keeps
    fp32 weights and computes in half precision.
    """
    safe = config.tunes.keeps_base(config) or config.deepspeed is not None
    weights = DTYPES[config.precision] if safe else torch.float32
    attention = _ATTENTION.get(config.attention, config.attention)
    if not config.tunes.quantizes:
        return Loading(weights, attention=attention)
    quantization = config.settings(QuantizationConfig)
    chosen = quantization.compute_dtype
    compute = DTYPES[config.precision if chosen == "auto" else chosen]
    return Loading(weights, quantization, compute, attention)


def load_model(
    source: ModelSource,
    loading: Loading,
    head: Head | None = None,
    device: torch.device | None = None,
    progress: Progress = NO_PROGRESS,
) -> PreTrainedModel:
    """Load a model from safetensors onto `device`; ModelError names the way out.

    A new head is the same in every slot, whatever random numbers were drawn before.
    """
    device = device or torch.device("cpu")
    kind = AutoModelForSequenceClassification if head else AutoModelForCausalLM
    options: dict[str, object] = {"dtype": loading.weights, **_head_options(head)}
    if loading.attention:
        options["attn_implementation"] = loading.attention
    already = is_quantised(config_file(source))
    if loading.quantization and not already:
        whole = kept_whole(source, has_head=head is not None)
        options["quantization_config"] = _quantization(loading, whole)
    quantised = already or loading.quantization is not None
    if quantised:
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
    except Exception as error:  # a library boundary: a bad model can raise any exception
        if isinstance(error, torch.AcceleratorError) or is_out_of_memory(error):
            raise  # a limit of the machine, not an error of the model
        where = "folder" if Path(source.name).exists() else "hub model"
        raise ModelError(
            f"model {source.name!r}: its {where} cannot be loaded: {said(error)}"
        ) from error
    if getattr(model, "_hf_peft_config_loaded", False):
        raise ModelError(
            f"model {source.name!r} is loaded with an adapter; merge it, or use a model without one"
        )
    model.config.use_cache = False
    if quantised and device.type == "cpu":
        settle_on_cpu(model)
    if head:
        model.config.get_text_config().pad_token_id = head.pad_id
    placed: PreTrainedModel = model if quantised else model.to(device)
    return placed.requires_grad_(False)


def _head_options(head: Head | None) -> dict[str, object]:
    if head is None:
        return {}
    names = dict(enumerate(head.labels))
    return {
        "num_labels": len(names),
        "id2label": names,
        "label2id": {name: index for index, name in names.items()},
        **({"problem_type": PROBLEM_TYPES[head.target]} if head.target else {}),
    }


def _quantization(loading: Loading, whole: list[str]) -> BitsAndBytesConfig:
    """How to quantise; the layers `whole` are left out, or those of transformers' choice."""
    assert loading.quantization is not None
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=loading.quantization.type,
        bnb_4bit_use_double_quant=loading.quantization.double,
        bnb_4bit_compute_dtype=loading.compute,
        llm_int8_skip_modules=whole or None,
    )


def settle_on_cpu(model: PreTrainedModel) -> None:
    """Prevent two problems of bitsandbytes on CPUs.

    It recompiles its kernels for each shape, which takes a minute for a small model. And on some
    CPUs it repacks the weights at the first evaluation: layers whose input size is no multiple of
    64 then fail, and the shared base has changed.
    """
    torch.compiler.set_stance("force_eager")
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
