"""Direct preference optimisation: pairs of a better and a worse answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen, PositiveFloat
from trainables.objectives.preference import Preference

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


class DpoConfig(Frozen):
    """Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290)."""

    beta: PositiveFloat = Field(
        default=0.1, description="weight of the penalty for leaving the reference"
    )
    loss: Literal["sigmoid", "hinge", "ipo"] = Field(
        default="sigmoid",
        description="hinge: SLiC (Zhao et al. 2023, arXiv:2305.10425); ipo: Azar et al. 2023 "
        "(arXiv:2310.12036), averaged over an answer's tokens",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        default=0.0, description="assumed probability of swapped labels in a pair (sigmoid only)"
    )


class Dpo(Preference):
    """Direct preference optimisation."""

    name = "dpo"
    scores_single_rows = True
    sections = {"dpo": DpoConfig}
    refuses_by = ("label_smoothing", "dpo.loss", "dpo.label_smoothing")

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Label smoothing with a loss that has no labels."""
        yield from super().refusals(config)
        settings = config.settings(DpoConfig)
        if settings.label_smoothing and settings.loss != "sigmoid":
            yield Problem(
                "dpo.label_smoothing",
                f"loss {settings.loss} has no label probabilities to smooth",
                "use dpo.loss: sigmoid, or leave it out",
            )


DPO = Dpo()
