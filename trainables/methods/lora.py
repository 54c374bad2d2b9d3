"""Low-rank adapters on linear layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from search_spaces.problem import Problem
from trainables.core.errors import MisfitError
from trainables.core.frozen import BelowOne, Frozen, PositiveFloat
from trainables.methods.method import quantisation_of
from trainables.methods.peft_method import PeftMethod
from trainables.methods.usual_rate import usual_rate

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from trainables.architecture.lora_targets import Held
    from trainables.config.trial import TrialConfig


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
        description="learn magnitude and direction separately (Liu et al. 2024, arXiv:2402.09353)",
    )
    init: Literal["kaiming", "gaussian", "pissa"] = Field(
        default="kaiming",
        description="init of A (B is zero); pissa: principal components (Meng et al. 2024, "
        "arXiv:2404.02948)",
    )
    learning_rate_ratio: Annotated[float, Field(ge=1)] = Field(
        default=1.0,
        description="learning rate of B relative to A: LoRA+ (Hayou et al. 2024, arXiv:2402.12354)",
    )


class Lora(PeftMethod):
    """LoRA, with rsLoRA, DoRA, PiSSA and LoRA+ as its settings."""

    name = "lora"
    sections = {"lora": LoraConfig}
    fits_by: ClassVar[tuple[str, ...]] = (
        "lora.target_modules",
        "lora.init",
        "lora.dora",
        "lora.dropout",
    )
    learns_new_tokens = True
    shares_base = True

    def keeps_base(self, config: TrialConfig) -> bool:
        """False for PiSSA, which moves principal components from the base to the adapter."""
        return config.settings(LoraConfig).init != "pissa"

    def usual_rate(self, config: TrialConfig, hidden_size: int) -> float | None:
        """By the formula, for adapters like those of its sweeps; those had no dropout, which is
        taken for indifferent."""
        lora = config.settings(LoraConfig)
        alike = LoraConfig(rank=lora.rank, dropout=lora.dropout)
        return usual_rate(hidden_size, lora.rank) if lora == alike else None

    def learning_rate_ratio(self, config: TrialConfig) -> float:
        """LoRA+: ratio of B's learning rate to A's."""
        return config.settings(LoraConfig).learning_rate_ratio

    def misfits(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
        """Missing or unsuitable target modules; PiSSA on weights that are quantised."""
        yield from super().misfits(base, config)
        quantised = quantisation_of(base.config)
        if quantised and config.settings(LoraConfig).init == "pissa":
            yield Problem(
                "lora.init",
                f"pissa decomposes the base's weights, which this model holds in {quantised}",
                "use lora.init: kaiming or gaussian",
            )

    def remarks(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[str]:
        """Layers left out, experts reached or not, and tied embeddings among the targets."""
        from trainables.architecture.lora_targets import remarks

        yield from super().remarks(base, config)
        yield from remarks(base, config.settings(LoraConfig).target_modules, _held(base, config))

    def peft_config(self, base: PreTrainedModel, config: TrialConfig) -> PeftConfig:
        """PEFT's configuration for the layers selected by `lora.target_modules`."""
        import peft
        from transformers.pytorch_utils import Conv1D

        from trainables.architecture.lora_targets import targets

        lora = config.settings(LoraConfig)
        found = targets(base, lora.target_modules, _held(base, config))
        if found.parameters:
            _check_experts(lora, type(base).__name__)
        return peft.LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=found.modules,
            target_parameters=found.parameters,
            use_rslora=lora.rslora,
            use_dora=lora.dora,
            init_lora_weights={"kaiming": True}.get(lora.init, lora.init),
            # GPT-2's layers keep their weights transposed.
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
        )


def _held(base: PreTrainedModel, config: TrialConfig) -> Held:
    """How the weights are held when the trial trains."""
    from trainables.architecture.lora_targets import Held

    quantised = quantisation_of(base.config)
    return Held(
        packed_layers=config.tunes.quantizes or quantised is not None,
        # bitsandbytes packs layers only.
        packed_experts=quantised is not None and "bitsandbytes" not in quantised,
    )


def _check_experts(lora: LoraConfig, model: str) -> None:
    """MisfitError for settings that PEFT knows for layers only, not for weights of experts."""
    unknown = {"dropout": lora.dropout > 0, "dora": lora.dora, "init": lora.init == "pissa"}
    for name, is_set in unknown.items():
        if is_set:
            raise MisfitError(
                f"lora.{name}",
                f"{getattr(lora, name)} works on layers only, and lora.target_modules: "
                f"{lora.target_modules} also adapts experts of {model}, which are none",
                f"leave lora.{name} out, or set lora.target_modules: attention",
            )


LORA = Lora()
