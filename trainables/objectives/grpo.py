"""Group-relative policy optimisation: answers judged against others to the same prompt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainables.core.frozen import Frozen
from trainables.objectives.policy import Policy, RlConfig


class GrpoConfig(Frozen):
    """Group-relative policy optimisation (Shao et al. 2024, arXiv:2402.03300)."""

    scale: Literal["group", "none"] = Field(
        default="group",
        description="group: advantages are divided by their group's standard deviation; none: Dr. "
        "GRPO (Liu et al. 2025, arXiv:2503.20783)",
    )
    mean: Literal["answers", "tokens"] = Field(
        default="tokens",
        description="answers: of each answer's mean over its tokens, as in the paper; tokens: over "
        "all tokens of a step (DAPO, Yu et al. 2025, arXiv:2503.14476)",
    )
    clip_high: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="upper clip of the ratio (DAPO: 0.28); unset: rl.clip"
    )


class Grpo(Policy):
    """Group-relative policy optimisation."""

    name = "grpo"
    sections = {"rl": RlConfig, "grpo": GrpoConfig}


GRPO = Grpo()
