"""The lines of Python that load an export with transformers and PEFT alone.

They stand in its model card, and are what the check of the export runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sweeps.models.content import BOTTLENECK_FILE
from trainables.config.trial import TrialConfig
from trainables.methods.qlora import QuantizationConfig
from trainables.training.inputs import Inputs

_DTYPES = {"fp32": "torch.float32", "fp16": "torch.float16", "bf16": "torch.bfloat16"}


def loading_code(
    config: TrialConfig, inputs: Inputs, whole: bool, held: str, base: str, pad_id: int
) -> str:
    """Code that makes `model` and `tokenizer` from the export in `folder`.

    `held` is the precision in which the trial held its base; `base` is the base's name.
    """
    from trainables.data.tokens.tokenizer import config_file
    from trainables.models.hf_config import is_quantised

    quantises = config.tunes.quantizes and not is_quantised(config_file(inputs.model))
    lines = list(_imports(config, inputs, whole, quantises))
    trusted = {"trust_remote_code": "True"} if config.trust_remote_code else {}
    lines += ["", _call("tokenizer", "AutoTokenizer", "folder", trusted)]
    if whole:
        lines += [_call("model", _auto(inputs), "folder", {"dtype": '"auto"', **trusted})]
        return "\n".join(lines) + "\n"
    options = {**_options(config, inputs, held, quantises), **trusted}
    lines += [_call("base", _auto(inputs), repr(base), options)]
    lines += _changes(inputs, pad_id)
    lines += ["model = PeftModel.from_pretrained(base, folder)"]
    return "\n".join(lines) + "\n"


def _imports(config: TrialConfig, inputs: Inputs, whole: bool, quantises: bool) -> Iterator[str]:
    if not whole and config.method == "adapter":
        yield "import sys"
        yield ""
    if not whole:
        yield "import torch"
        yield "from peft import PeftModel"
    names = [_auto(inputs), "AutoTokenizer"]
    names += ["BitsAndBytesConfig"] if quantises and not whole else []
    yield f"from transformers import {', '.join(names)}"
    if not whole and config.method == "adapter":
        yield ""
        yield "sys.path.insert(0, folder)"
        yield f"import {Path(BOTTLENECK_FILE).stem}  # PEFT has no such adapters; this adds them"


def _auto(inputs: Inputs) -> str:
    return "AutoModelForSequenceClassification" if inputs.labels else "AutoModelForCausalLM"


def _options(config: TrialConfig, inputs: Inputs, held: str, quantises: bool) -> dict[str, str]:
    options = {"dtype": _DTYPES[held]}
    if config.model_revision and not Path(config.model).is_dir():
        options["revision"] = repr(config.model_revision)
    if quantises:
        options["quantization_config"] = _quantization(config, inputs)
        options["device_map"] = '"auto"'
    if inputs.labels:
        names = dict(enumerate(inputs.labels))
        options["num_labels"] = str(len(names))
        options["id2label"] = repr(names)
        options["label2id"] = repr({name: index for index, name in names.items()})
    return options


def _quantization(config: TrialConfig, inputs: Inputs) -> str:
    from trainables.models.skeleton import kept_whole

    layers = kept_whole(inputs.model, has_head=bool(inputs.labels))
    settings = config.settings(QuantizationConfig)
    chosen = settings.compute_dtype
    compute = _DTYPES[config.precision if chosen == "auto" else chosen]
    skipped = f", llm_int8_skip_modules={layers!r}" if layers else ""
    return (
        f"BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type={settings.type!r}, "
        f"bnb_4bit_use_double_quant={settings.double}, bnb_4bit_compute_dtype={compute}{skipped})"
    )


def _changes(inputs: Inputs, pad_id: int) -> Iterator[str]:
    """What the base needs before the adapter fits: rows for new tokens, a padding token."""
    if inputs.new_tokens:
        count = max(inputs.new_tokens) + 1
        yield f"if base.get_input_embeddings().weight.shape[0] < {count}:"
        yield f"    base.resize_token_embeddings({count}, mean_resizing=False)"
    if inputs.labels:
        yield f"base.config.get_text_config().pad_token_id = {pad_id}"


def _call(name: str, kind: str, place: str, options: Mapping[str, str]) -> str:
    rest = "".join(f", {key}={value}" for key, value in options.items())
    return f"{name} = {kind}.from_pretrained({place}{rest})"
