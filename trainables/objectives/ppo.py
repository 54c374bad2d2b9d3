"""Proximal policy optimisation: tokens judged against what a value head expected of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, Strict, create_model

from trainables.core.frozen import Fraction, Frozen, NonNegative, PositiveFloat
from trainables.objectives.policy import Policy, RlConfig


class PpoFields(Frozen):
    """Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347) with generalised
    advantage estimation (Schulman et al. 2015, arXiv:1506.02438)."""

    gamma: Fraction = Field(default=1.0, description="discount of the reward from token to token")
    whiten: Annotated[bool, Strict()] = Field(
        default=True, description="advantages of a step with mean 0 and deviation 1"
    )
    value_weight: NonNegative = Field(
        default=0.1, description="weight of the value loss beside the policy's"
    )
    value_clip: PositiveFloat | None = Field(
        default=0.2,
        description="a value this far from that at the rollout gets no gradient; unset: none",
    )
    value_trains: Literal["head", "model"] = Field(
        default="head",
        description="what the value loss trains: the value head alone, or the policy's weights too",
    )
    value_learning_rate_ratio: PositiveFloat = Field(
        default=10.0, description="learning rate of the value head over learning_rate"
    )

    @property
    def decay(self) -> float:
        """`ppo.lambda`, whose name is a word of Python's."""
        return float(getattr(self, "lambda"))


if TYPE_CHECKING:
    PpoConfig = PpoFields
else:
    _LAMBDA = Field(
        default=0.95,
        description="1: advantages are sums of rewards minus a value; 0: differences of two values",
    )
    PpoConfig = create_model(
        "PpoConfig",
        __base__=PpoFields,
        __module__=__name__,
        __doc__=PpoFields.__doc__,
        **{"lambda": (Fraction, _LAMBDA)},
    )


class Ppo(Policy):
    """Proximal policy optimisation."""

    name = "ppo"
    sections = {"rl": RlConfig, "ppo": PpoConfig}
    compares = False
    has_value_head = True


PPO = Ppo()
