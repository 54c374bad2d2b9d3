from __future__ import annotations

import pytest
import torch

from sweeps.builtin.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 8), (8, 24)])
def test_a_step_is_nearly_the_orthogonal_factor_of_the_gradient(shape):
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    made = orthogonal(matrices)
    assert torch.linalg.svdvals(made).sub(1).abs().max() < 0.5
    # U^T X V is diagonal: the iteration changes singular values and no direction.
    inner = u.mT @ made @ v.mT
    assert torch.allclose(inner, torch.diag_embed(inner.diagonal(dim1=1, dim2=2)), atol=1e-4)


def test_matrices_of_one_shape_and_of_its_transpose_step_as_torch_steps_them():
    """torch's Muon in bf16, one matrix at a time, is the reference; its rounding is the spread."""
    generator = torch.Generator().manual_seed(1)
    starts = [torch.randn(*shape, generator=generator) for shape in [(6, 6), (6, 16), (16, 6)]]
    ours, theirs = ([start.clone().requires_grad_() for start in starts] for _ in range(2))
    options = {"lr": 0.02, "momentum": 0.95, "weight_decay": 0.1}
    our_muon = Muon(ours, **options)
    their_muon = torch.optim.Muon(theirs, **options, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for our, their in zip(ours, theirs, strict=True):
            our.grad = torch.randn(our.shape, generator=generator)
            their.grad = our.grad.clone()
        our_muon.step()
        their_muon.step()
    for our, their, start in zip(ours, theirs, starts, strict=True):
        moved, expected = our - start, their - start
        assert (moved - expected).norm() < 0.03 * expected.norm()


def test_without_a_gradient_only_the_decay_moves_a_weight():
    weights = torch.ones(2, 2, requires_grad=True)
    weights.grad = torch.zeros(2, 2)
    Muon([weights], lr=0.5, momentum=0.9, weight_decay=0.1).step()
    assert torch.allclose(weights, torch.full((2, 2), 0.95))
