from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import trainables
from trainables.config.trial import TrialConfig, field_names
from trainables.training.forks.tape import BY_RATE, Tape, shared_steps
from trainables.training.plan import make_plan
from trainables.training.schedules import multiplier

_NAMES = """
model model_revision trust_remote_code objective method precision
data.train data.validation data.test data.general data.mix.train data.mix.proportion data.knowledge
data.retrieve.chunk_tokens data.retrieve.overlap data.retrieve.layout data.retrieve.source
data.retrieve.count data.retrieve.retriever data.template data.train_on data.reasoning
data.max_length data.packing data.new_tokens data.seed data.order_seed data.columns data.encoding
data.bad_rows
budget.steps budget.tokens budget.epochs budget.evaluations
evaluation.metrics evaluation.formulas evaluation.examples evaluation.generate_at evaluation.prompts
evaluation.max_new_tokens evaluation.batch_size evaluation.temperature evaluation.answer_pattern
evaluation.samples evaluation.time_share metrics trust_metric_code
learning_rate batch_size micro_batch_size micro_batch_grows
batch_ramp.start_fraction batch_ramp.fraction
optimizer.name optimizer.weight_decay optimizer.beta1 optimizer.beta2 optimizer.epsilon
optimizer.max_grad_norm
gradient_checkpointing attention compile label_smoothing neftune_noise
deepspeed.zero_stage deepspeed.offload_optimizer deepspeed.offload_parameters deepspeed.nvme_path
deepspeed.quantized_weights deepspeed.quantized_gradients deepspeed.hierarchical_partition_size
deepspeed.reduce_bucket_size deepspeed.allgather_bucket_size deepspeed.overlap_communication
deepspeed.config
seed
adapter.size adapter.placement adapter.activation
few_shot.count few_shot.retriever few_shot.encoder
freeze.last_blocks freeze.modules
lora.rank lora.alpha lora.dropout lora.target_modules lora.rslora lora.dora lora.init
lora.learning_rate_ratio
prefix.virtual_tokens prefix.projection prompt.virtual_tokens prompt.init_text
ptuning.virtual_tokens ptuning.hidden_size
quantization.type quantization.double quantization.compute_dtype
rag.chunk_tokens rag.overlap rag.layout rag.passages rag.retriever rag.encoder
classification.target classification.labels classification.delimiter classification.threshold
classification.class_weights
dpo.beta dpo.loss dpo.label_smoothing
rl.rewards rl.reward_model rl.reward_model_precision rl.held_out rl.group_size rl.beta
rl.temperature rl.clip rl.epochs rl.max_kl
grpo.scale grpo.mean grpo.clip_high kto.beta kto.desirable_weight kto.undesirable_weight orpo.beta
ppo.gamma ppo.whiten ppo.value_weight ppo.value_clip ppo.value_trains
ppo.value_learning_rate_ratio ppo.lambda
reward.center simpo.beta simpo.gamma
toy.learning_rate toy.rank toy.diverge_above toy.crash_above toy.hang_above toy.noise toy.seconds
"""
FROM_THE_START = _NAMES.split()
"""Every field that may act in a trial's first step. A new field belongs here, unless all that it
does is in the learning rate of each step."""

LENGTHS = np.arange(5, 105, dtype=np.int64)
TRIAL = TrialConfig(
    model="tiny",
    data={
        "train": "unused",
        "mix": {"train": "other", "proportion": 0.25},
        "retrieve": {"source": "examples"},
    },
    deepspeed={"zero_stage": 2},
    budget={"steps": 40},
    schedule="wsd",
)


def tape(config):
    return Tape(config, make_plan(config, LENGTHS, 1, LENGTHS[:20]))


def rates_of(config):
    """The rates that torch's own scheduler gives an optimizer, one a step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.learning_rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, multiplier(config, 40))
    found = []
    for _ in range(40):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def first_difference(one, other):
    differing = (place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    return next(differing, len(one))


SCHEDULES = st.fixed_dictionaries(
    {
        "schedule": st.sampled_from(["constant", "linear", "cosine", "wsd"]),
        "warmup_fraction": st.sampled_from([0.0, 0.1, 0.3]),
        "floor_fraction": st.sampled_from([0.0, 0.1, 1.0]),
        "wsd.decay_fraction": st.sampled_from([0.05, 0.2, 0.5, 0.7]),
    }
)


def test_each_field_of_a_trial_has_a_place():
    assert sorted([*FROM_THE_START, *BY_RATE]) == sorted(field_names())


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("name", FROM_THE_START)
def test_a_changed_setting_leaves_no_step_in_common(name):
    plan = make_plan(TRIAL, LENGTHS, 1)
    changed = with_another(TRIAL, name)
    assert shared_steps(Tape(TRIAL, plan), Tape(changed, plan)) == 0
    assert Tape(TRIAL, plan).until(0) != Tape(changed, plan).until(0)


def with_another(config, name):
    """A copy with another value, which need not be a valid one."""
    head, _, rest = name.partition(".")
    value = getattr(config, head)
    other = with_another(value, rest) if rest else another(value)
    return config.model_copy(update={head: other})


def another(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return "another"


@given(one=SCHEDULES, other=SCHEDULES)
def test_trials_share_the_steps_with_equal_rates(one, other):
    one, other = TRIAL.with_params(one), TRIAL.with_params(other)
    shared = shared_steps(tape(one), tape(other))
    assert shared == first_difference(rates_of(one), rates_of(other))
    assert shared_steps(tape(other), tape(one)) == shared


@given(one=SCHEDULES, other=SCHEDULES, step=st.integers(0, 40))
def test_hashes_agree_exactly_up_to_where_trials_part(one, other, step):
    first, second = tape(TRIAL.with_params(one)), tape(TRIAL.with_params(other))
    agree = first.until(step) == second.until(step)
    assert agree == (step <= shared_steps(first, second))


@pytest.mark.parametrize(
    "changes", [{"batch_size": 8}, {"data.order_seed": 3}, {"budget.evaluations": 5}]
)
def test_other_examples_or_evaluations_leave_nothing_in_common(changes):
    assert shared_steps(tape(TRIAL), tape(TRIAL.with_params(changes))) == 0


def test_examples_are_compared_step_by_step():
    plan = make_plan(TRIAL, LENGTHS, 1)
    changed = plan.order.copy()
    changed[3 * 16 + 5] += 1  # in the fourth step of 16 examples
    other = Tape(TRIAL, replace(plan, order=changed))
    assert shared_steps(Tape(TRIAL, plan), other) == 3
    assert Tape(TRIAL, plan).until(3) == other.until(3)
    assert Tape(TRIAL, plan).until(4) != other.until(4)


def test_fields_of_the_rate_act_nowhere_else():
    """A use of one of them outside of the schedule would act before the rate does."""
    root = Path(trainables.__file__).parent
    names = {name.rpartition(".")[2] for name in BY_RATE}
    readers = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name | ast.Attribute)
        and getattr(node.value, "id", "") != "self"
    }
    checks, of_a_users_own_json = {"config/trial.py"}, {"training/zero/settings.py"}
    without_a_plan = {"slots/toy.py"}
    known = checks | of_a_users_own_json | without_a_plan
    assert readers - known == {"training/schedules.py"}
