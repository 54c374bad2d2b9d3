from __future__ import annotations

import pytest
import tiny_training as tiny

from trainables.config.optimizer_config import OptimizerConfig

NAMES = OptimizerConfig.model_fields["name"].annotation.__args__
LEARNING_RATE, EPSILON = 0.01, 1e-8


def first_update(name):
    """What the first step adds to a weight [64, 128], the gradient, and the weight's norm."""
    import torch

    from trainables.training.optimizers import optimizer

    params = {"optimizer__name": name, "learning_rate": LEARNING_RATE}
    kind, settings = optimizer(tiny.trial(**params))
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(64, 128))
    before = weight.detach().clone()
    weight.grad = torch.randn(64, 128)
    kind([weight], weight_decay=0.0, **settings).step()
    return weight.detach() - before, weight.grad, before.norm()


@pytest.mark.parametrize(
    "name", ["adamw", "adamw_fused", "adam", "adamw_8bit", "lion", "lion_8bit"]
)
def test_the_first_step_goes_by_the_sign_of_the_gradient(name):
    """Adam's m / sqrt(v) is g / |g| at the first step, once both are corrected for their bias."""
    import torch

    update, gradient, _ = first_update(name)
    torch.testing.assert_close(update, -LEARNING_RATE * gradient.sign(), atol=1e-5, rtol=1e-3)


def test_sgd_goes_down_the_gradient():
    import torch

    update, gradient, _ = first_update("sgd")
    torch.testing.assert_close(update, -LEARNING_RATE * gradient, atol=1e-6, rtol=1e-4)


def test_lamb_steps_as_far_as_the_weight_is_long():
    """You et al. 2019, arXiv:1904.00962: the update has the norm of the weight, at most 10."""
    import torch

    update, gradient, norm = first_update("lamb")
    assert float(update.norm()) == pytest.approx(LEARNING_RATE * min(float(norm), 10.0), rel=1e-3)
    torch.testing.assert_close(update.sign(), -gradient.sign())


def test_adafactor_divides_by_rows_and_columns():
    """Shazeer & Stern 2018, arXiv:1804.04235: v is the outer product of the row and column means
    over their mean, and an update's root mean square is clipped at 1."""
    import torch

    update, gradient, _ = first_update("adafactor")
    squares = gradient**2 + 1e-30
    rows, columns = squares.mean(1, keepdim=True), squares.mean(0, keepdim=True)
    expected = gradient / (rows / rows.mean()).sqrt() / columns.sqrt()
    expected /= max(1.0, float(expected.pow(2).mean().sqrt()))
    torch.testing.assert_close(update, -LEARNING_RATE * expected, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")
def test_each_trains(workshop, name):
    params = {"optimizer__name": name, "budget__steps": 8, "method": "full"}
    base = workshop.measure_base(tiny.trial()).metrics["eval_loss"]
    assert tiny.run_trial(workshop, **params)[1].losses[-1] < base


def test_lora_plus_gives_b_its_own_rate_through_the_whole_schedule(workshop):
    """Against the loss: at ratio 1 it is plain LoRA, and at 8 only B learns faster."""
    plain = tiny.run_trial(workshop)[1].losses
    assert tiny.run_trial(workshop, lora__learning_rate_ratio=1.0)[1].losses == plain
    faster = tiny.run_trial(workshop, lora__learning_rate_ratio=8.0, learning_rate=1e-3)[1].losses
    slow = tiny.run_trial(workshop, learning_rate=1e-3)[1].losses
    assert faster[-1] < slow[-1]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("optimizers")))


@pytest.mark.parametrize("field", ["beta1", "beta2", "epsilon"])
@pytest.mark.parametrize("name", NAMES)
def test_a_trial_shows_the_constants_that_its_optimizer_has(name, field):
    from trainables.training.optimizers import optimizer

    config = tiny.trial(optimizer__name=name)
    other = config.with_params({f"optimizer.{field}": 0.5})
    matters = optimizer(other) != optimizer(config)
    assert (f"optimizer.{field}" in config.flat()) == matters
