"""The settings of each fine-tuning method. A trial reads those of its own method only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainables.core.frozen import BelowOne, Frozen, PositiveFloat, PositiveInt


class FreezeConfig(Frozen):
    """Partial fine-tuning: the last blocks train, and whatever else is named."""

    last_blocks: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=2, description="how many transformer blocks train, counted from the end"
    )
    modules: tuple[str, ...] = Field(
        default=(), description="further modules that train, by the end of their name: lm_head"
    )


class LoraConfig(Frozen):
    """Low-rank adapters (Hu et al. 2021, arXiv:2106.09685); the update is scaled by alpha / rank.

    With alpha fixed the best learning rate hardly depends on the rank (Schulman et al. 2025,
    "LoRA Without Regret"), hence a constant default and not a multiple of the rank.
    """

    rank: Annotated[int, Field(gt=0, le=2**16)] = 16
    alpha: PositiveFloat = 32.0
    dropout: BelowOne = 0.0
    target_modules: Literal["all-linear", "attention", "mlp"] | tuple[str, ...] = "all-linear"
    rslora: bool = Field(
        default=False,
        description="scale by alpha / sqrt(rank) (Kalajdzievski 2023, arXiv:2312.03732)",
    )
    dora: bool = Field(
        default=False,
        description="learn magnitude and direction apart (Liu et al. 2024, arXiv:2402.09353)",
    )
    init: Literal["kaiming", "gaussian", "pissa"] = Field(
        default="kaiming",
        description="of A, with B zero; pissa: principal components (Meng et al. 2024, "
        "arXiv:2404.02948)",
    )
    learning_rate_ratio: Annotated[float, Field(ge=1)] = Field(
        default=1.0,
        description="B's learning rate over A's: LoRA+ (Hayou et al. 2024, arXiv:2402.12354)",
    )


class QuantizationConfig(Frozen):
    """How qlora holds the base (Dettmers et al. 2023, arXiv:2305.14314)."""

    type: Literal["nf4", "fp4"] = "nf4"
    double: bool = Field(default=True, description="quantise the quantisation constants too")
    compute_dtype: Literal["auto", "fp32", "fp16", "bf16"] = Field(
        default="auto", description="in which layers compute; auto: the trial's precision"
    )


class AdapterConfig(Frozen):
    """Bottleneck adapters: down to `size`, a nonlinearity, up again, added to what came in."""

    size: PositiveInt = 64
    placement: Literal["houlsby", "pfeiffer"] = Field(
        default="pfeiffer",
        description="houlsby: after attention and feed-forward (Houlsby et al. 2019, "
        "arXiv:1902.00751); pfeiffer: after feed-forward only (Pfeiffer et al. 2020, "
        "arXiv:2005.00247)",
    )
    activation: Literal["relu", "gelu", "silu"] = "relu"


class PrefixConfig(Frozen):
    """Trained keys and values before each layer's own (Li & Liang 2021, arXiv:2101.00190)."""

    virtual_tokens: PositiveInt = 16
    projection: bool = Field(
        default=False, description="learn them through a two-layer network, as in the paper"
    )


class PromptConfig(Frozen):
    """Trained embeddings before the text (Lester et al. 2021, arXiv:2104.08691)."""

    virtual_tokens: PositiveInt = 16
    init_text: str | None = Field(
        default=None, description="text whose embeddings they begin as; unset: random tokens'"
    )


class PTuningConfig(Frozen):
    """Trained embeddings made by a small network (Liu et al. 2021, arXiv:2103.10385)."""

    virtual_tokens: PositiveInt = 16
    hidden_size: PositiveInt = 128
