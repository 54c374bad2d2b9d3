"""Muon in fp32: momentum with orthogonalised steps, for all matrices of one shape at once.

torch's own Muon computes in bf16, which CPUs without bf16 units emulate at a fraction of their
speed, and handles matrices one by one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration (Jordan 2024, kellerjordan.github.io/posts/muon): after a
few steps, singular values are between about 0.7 and 1.2."""


class Muon(torch.optim.Optimizer):
    """Muon for two-dimensional parameters, with Nesterov momentum and updates as large as AdamW's
    (Liu et al. 2025, arXiv:2502.16982)."""

    def __init__(
        self, params: Iterable[Tensor], lr: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step with the current gradients."""
        for group in self.param_groups:
            shapes: defaultdict[tuple[int, int], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                short, long = sorted(parameter.shape)
                shapes[short, long].append(parameter)
            for (_, long), alike in shapes.items():
                gradients = torch.stack([_wide(_gradient(each)) for each in alike])
                average = self.state[alike[0]].setdefault("average", torch.zeros_like(gradients))
                average.lerp_(gradients, 1 - group["momentum"])
                steps = orthogonal(gradients.lerp_(average, group["momentum"]))
                rate = group["lr"]
                for parameter, step in zip(alike, steps, strict=True):
                    parameter.mul_(1 - rate * group["weight_decay"])
                    _wide(parameter).add_(step, alpha=-0.2 * math.sqrt(long) * rate)


def orthogonal(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Nearly U V^T of each matrix U S V^T, by Newton and Schulz; [n, short, long], same shape."""
    a, b, c = COEFFICIENTS
    x: Tensor = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None, "every matrix takes part in the loss"
    return parameter.grad


def _wide(matrix: Tensor) -> Tensor:
    """A view with at least as many columns as rows."""
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT
