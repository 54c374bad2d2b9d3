"""How a model is computed: its attention, its compiled blocks."""

from __future__ import annotations

import pytest
import tiny_training as tiny

from trainables.core.evaluation import Ending


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("kernels")))


def losses_of(watcher):
    return [each.metrics["eval_loss"] for each in watcher.seen]


def test_the_kernel_of_attention_is_the_one_that_was_asked_for(workshop):
    losses = {}
    for attention, recorded in {"auto": "sdpa", "sdpa": "sdpa", "eager": "eager"}.items():
        outcome, watcher = tiny.run_trial(workshop, attention=attention)
        assert outcome.cost.kernels["attention"] == recorded
        losses[attention] = losses_of(watcher)
    assert losses["auto"] == losses["sdpa"] == pytest.approx(losses["eager"], rel=1e-5)


# torch hides this warning of its own, but not if warnings are errors.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_trial_with_compiled_blocks_learns_the_same_and_leaves_none_behind(workshop, monkeypatch):
    import torch

    from trainables.models import compiled

    # Blocks are traced as ever, and their operations run as they are: code for them takes minutes.
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    torch._dynamo.utils.counters.clear()
    budget = {"steps": 1, "evaluations": 1}
    outcome, watcher = tiny.run_trial(workshop, budget=budget, compile=True)
    assert outcome.ending is Ending.COMPLETE and outcome.cost.kernels["compile"] == "blocks"
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert not torch._dynamo.utils.counters["graph_break"]
    plain, plain_watcher = tiny.run_trial(workshop, budget=budget)
    assert "compile" not in plain.cost.kernels
    assert losses_of(watcher) == pytest.approx(losses_of(plain_watcher), rel=1e-6)
    base = workshop._base.shared(tiny.trial())
    assert all(module._compiled_call_impl is None for module in base.modules())
