from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainables.config.batch_split import split_batch
from trainables.config.budget import BatchRampConfig
from trainables.config.trial import TrialConfig
from trainables.data.sets.training_set import TrainingSet
from trainables.training.plan import evaluation_points, make_plan, ramp
from trainables.training.trainer import MicroBatches

TRIAL = TrialConfig(model="tiny", data={"train": "unused"})


def plan(lengths, workers=1, **params):
    changes = {name.replace("__", "."): value for name, value in params.items()}
    return make_plan(TRIAL.with_params(changes), np.asarray(lengths, dtype=np.int64), workers)


@given(share=st.integers(1, 200), workers=st.integers(1, 16), most=st.integers(1, 64))
def test_the_parts_of_a_batch_multiply_to_the_batch(share, workers, most):
    micro, accumulation = split_batch(share * workers, workers, most)
    assert micro * accumulation * workers == share * workers
    assert 1 <= micro <= most
    larger = [size for size in range(micro + 1, min(most, share) + 1) if share % size == 0]
    assert larger == [], "the micro-batch is as large as it may be"


@pytest.mark.parametrize(("batch_size", "workers"), [(10, 4), (1, 2), (3, 8)])
def test_a_batch_that_does_not_divide_among_the_workers_is_refused(batch_size, workers):
    message = f"batch_size {batch_size} does not divide among {workers} workers; use a multiple of"
    with pytest.raises(ValueError, match=message):
        split_batch(batch_size, workers, 8)


def test_a_batch_of_any_size_is_split_at_once():
    assert split_batch(2**31 - 1, 1, 2**31 - 2) == (1, 2**31 - 1), "a prime number"
    assert split_batch(2**30, 1, 2**29) == (2**29, 2)


@pytest.mark.parametrize("budget", [{"steps": 10**8}, {"epochs": 1e6}, {"tokens": 10**13}])
def test_a_budget_that_no_memory_could_plan_is_refused(budget):
    with pytest.raises(ValueError, match="at most 100,000,000 are planned; lower budget"):
        plan([10] * 1000, budget=budget)


@pytest.mark.parametrize("ramp", [{}, {"start_fraction": 0.5, "fraction": 0.1}])
def test_so_is_a_batch_that_is_larger_than_the_budget(ramp):
    with pytest.raises(ValueError, match=r"at most 100,000,000 are planned; .* or batch_size"):
        plan([10] * 1000, budget={"epochs": 1}, batch_size=2**30, batch_ramp=ramp)


@pytest.mark.parametrize(
    ("steps", "evaluations", "expected"),
    [
        (100, 4, {25: 1, 50: 2, 75: 3, 100: 4}),
        (10, 3, {3: 1, 7: 2, 10: 3}),
        (6, 2, {3: 1, 6: 2}),
        (4, 4, {1: 1, 2: 2, 3: 3, 4: 4}),
        (2, 4, {1: 2, 2: 4}),
        (3, 4, {1: 1, 2: 3, 3: 4}),
        (4, 9, {1: 2, 2: 4, 3: 7, 4: 9}),
        (1, 3, {1: 3}),
    ],
)
def test_evaluation_points_are_evenly_spaced(steps, evaluations, expected):
    assert evaluation_points(steps, evaluations) == expected


@given(steps=st.integers(1, 5000), evaluations=st.integers(1, 60))
def test_an_evaluation_point_says_what_share_of_the_budget_was_trained(steps, evaluations):
    points = evaluation_points(steps, evaluations)
    assert len(points) == min(steps, evaluations), "no step is measured twice"
    assert points[steps] == evaluations, "the last one is at the end"
    assert list(points) == sorted(points) and list(points.values()) == sorted(set(points.values()))
    for step, point in points.items():
        assert 1 <= step <= steps and 1 <= point <= evaluations
        off = abs(Fraction(step, steps) - Fraction(point, evaluations))
        assert off <= max(Fraction(1, 2 * steps), Fraction(1, 2 * evaluations))
        # Nowhere is it further off than half a step or half a point, whichever is coarser.
        assert off <= Fraction(1, 2 * min(steps, evaluations))


def test_a_budget_in_steps_is_taken_as_it_is():
    made = plan([3, 4, 5], budget__steps=7, batch_size=2)
    assert made.steps == 7 and len(made.order) == 14


@pytest.mark.parametrize(
    ("epochs", "sequences", "batch_size", "steps"),
    [
        (1.0, 10, 4, 3),
        (2.0, 10, 4, 5),
        (0.5, 100, 10, 5),
        (0.001, 10, 4, 1),
        (1.1, 10, 1, 11),
        (2.2, 100, 10, 22),
    ],
)
def test_a_budget_in_epochs_is_rounded_up_to_whole_steps(epochs, sequences, batch_size, steps):
    made = plan([2] * sequences, budget__epochs=epochs, batch_size=batch_size)
    assert made.steps == steps


@given(tenths=st.integers(1, 60), sequences=st.integers(1, 200), batch_size=st.integers(1, 32))
def test_epochs_written_as_decimals_are_meant_exactly(tenths, sequences, batch_size):
    made = plan([1] * sequences, budget__epochs=tenths / 10, batch_size=batch_size)
    exact = Fraction(tenths, 10) * sequences / batch_size
    assert made.steps == max(1, -(-exact.numerator // exact.denominator))


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    tokens=st.integers(1, 4000),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_budget_in_tokens_is_reached_in_the_last_step_and_not_before(
    lengths, tokens, batch_size, seed
):
    made = plan(lengths, budget__tokens=tokens, batch_size=batch_size, data__seed=seed)
    assert made.tokens_after[made.steps] >= tokens > made.tokens_after[made.steps - 1]


def test_tokens_are_those_of_the_sequences_that_were_used():
    lengths = [3, 50, 7, 11, 2]
    made = plan(lengths, budget__steps=4, batch_size=3, data__seed=5)
    by_hand = [0]
    for step in range(4):
        by_hand.append(by_hand[-1] + sum(lengths[i] for i in made.order[3 * step : 3 * step + 3]))
    assert list(made.tokens_after) == by_hand


def test_the_order_depends_on_nothing_but_the_datas_seed():
    lengths = list(range(1, 14))
    alone = plan(lengths, budget__steps=6, batch_size=8, data__seed=3)
    for workers, most in ((1, 1), (2, 4), (8, 3)):
        other = plan(
            lengths, workers, budget__steps=6, batch_size=8, micro_batch_size=most, data__seed=3
        )
        assert (other.order == alone.order).all()
        assert (other.tokens_after == alone.tokens_after).all()
    assert (plan(lengths, budget__steps=12, batch_size=4, data__seed=3).order == alone.order).all()
    assert (plan(lengths, budget__steps=6, batch_size=8, data__seed=4).order != alone.order).any()
    # Trials that differ in their own seeds see the same data: less luck in their comparison.
    fair = plan(lengths, budget__steps=6, batch_size=8, data__seed=3, seed=99)
    assert (fair.order == alone.order).all()


def test_a_seed_of_its_own_changes_the_order_and_nothing_else():
    lengths = list(range(1, 14))
    alone = plan(lengths, budget__epochs=2, batch_size=2, data__seed=3)
    other = plan(lengths, budget__epochs=2, batch_size=2, data__seed=3, data__order_seed=4)
    assert (other.order != alone.order).any() and (other.ends == alone.ends).all()
    assert (np.sort(other.order) == np.sort(alone.order)).all()
    same = plan(lengths, budget__epochs=2, batch_size=2, data__seed=7, data__order_seed=3)
    assert (same.order == alone.order).all()


def test_every_epoch_holds_each_sequence_once_in_another_order():
    order = plan([1] * 20, budget__epochs=3, batch_size=5, data__seed=1).order.reshape(3, 20)
    assert (np.sort(order, axis=1) == np.arange(20)).all()
    assert len({tuple(epoch) for epoch in order}) == 3


def mixed(proportion, **params):
    """A plan over 20 training examples of 3 tokens and 7 replayed ones of 5."""
    data = {"data__mix": {"train": "more", "proportion": proportion}}
    changes = {name.replace("__", "."): value for name, value in {**data, **params}.items()}
    return make_plan(TRIAL.with_params(changes), np.full(20, 3), 1, np.full(7, 5))


@pytest.mark.parametrize("proportion", [0.0, 0.1, 0.25, 0.5, 1 / 3, 0.9])
def test_a_mixture_has_its_share_of_replayed_examples_in_every_stretch(proportion):
    replayed = mixed(proportion, budget__steps=25, batch_size=8).order >= 20
    assert replayed.sum() == int(200 * proportion + 1e-6)
    for start in range(0, 200, 40):
        assert abs(replayed[start : start + 40].sum() - 40 * proportion) <= 1


def test_each_part_of_a_mixture_keeps_its_own_order():
    order = mixed(0.3, budget__steps=20, batch_size=5, data__seed=4).order
    alone = plan([3] * 20, budget__steps=20, batch_size=5, data__seed=4).order
    trained = order[order < 20]
    assert (trained == alone[: len(trained)]).all()
    replayed = order[order >= 20] - 20
    assert (np.sort(replayed[:7]) == np.arange(7)).all()
    assert (mixed(0.3, budget__steps=10, batch_size=5, data__seed=4).order == order[:50]).all()


def test_a_mixtures_budget_does_not_depend_on_its_proportion():
    """So trials that differ in it can be compared."""
    for proportion in (0.0, 0.5, 0.9):
        assert mixed(proportion, budget__epochs=2, batch_size=4).steps == 10
        made = mixed(proportion, budget__tokens=400, batch_size=4)
        assert made.tokens_after[-1] >= 400 > made.tokens_after[-2]


@pytest.mark.parametrize("seed", [0, 2**40])
def test_any_natural_number_is_a_seed(seed):
    assert len(plan([1, 2, 3], budget__steps=2, batch_size=2, data__seed=seed).order) == 4


def ramped(steps=10, batch_size=16, micro=8, **settings):
    return list(ramp(BatchRampConfig(**settings), steps, batch_size, micro))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [16] * 10),
        # A quarter of 8 is 2, and 8 is reached after half of the steps.
        ({"start_fraction": 0.25, "fraction": 0.5}, [4, 6, 8, 12, 14, 16, 16, 16, 16, 16]),
        # Never less than one example a micro-batch.
        ({"start_fraction": 0.01, "fraction": 0.1}, [2] + [16] * 9),
    ],
)
def test_a_ramp_is_a_straight_line_up_to_the_batch_size(settings, expected):
    assert ramped(**settings) == expected


@given(
    start=st.floats(0.01, 1),
    fraction=st.floats(0.01, 1),
    epochs=st.integers(1, 3),
    count=st.integers(1, 300),
    workers=st.sampled_from([1, 2, 4]),
)
def test_a_ramp_uses_up_the_budget_in_the_fewest_steps(start, fraction, epochs, count, workers):
    settings = {"batch_ramp__start_fraction": start, "batch_ramp__fraction": fraction}
    made = plan([1] * count, workers, budget__epochs=epochs, batch_size=32, **settings)
    sizes = made.batch_sizes
    assert sizes.sum() == len(made.order) >= epochs * count
    assert (np.diff(sizes) >= 0).all() and sizes[-1] <= 32
    if made.steps > 1:
        fewer = plan([1] * count, workers, budget__steps=made.steps - 1, batch_size=32, **settings)
        assert fewer.batch_sizes.sum() < epochs * count


def test_a_ramps_micro_batches_are_of_one_size_within_a_step():
    settings = {"batch_ramp__start_fraction": 0.5, "batch_ramp__fraction": 0.5}
    made = plan(range(1, 41), 2, budget__steps=4, batch_size=16, micro_batch_size=4, **settings)
    parts = [made.micro_batch(number) for number in range(made.micro_batches)]
    assert [len(part) for part in parts] == [2] * 4 + [3] * 4 + [4] * 8
    assert (np.concatenate(parts) == made.order).all()


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 10**6), (8, 125_000)])
def test_a_plan_of_a_million_micro_batches_holds_little_more_than_their_order(batch_size, steps):
    lengths = np.full(1000, 7)
    tracemalloc.start()
    made = plan(lengths, budget__steps=steps, batch_size=batch_size, micro_batch_size=1)
    batches = MicroBatches(TrainingSet(range(1000)), made)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(batches) == 10**6
    assert held < 1.1 * (8 * 10**6 + 16 * steps)
    assert batches[10**6 - 1] == [made.order[-1]]


def test_a_micro_batch_of_one_cannot_grow():
    with pytest.raises(ValueError, match="batch_ramp grows the micro-batch, which is 1 for batch"):
        plan([1] * 9, micro_batch_size=1, batch_ramp__start_fraction=0.5)


@example(start=0.125, fraction=0.984375, epochs=1, count=257, evaluations=11)
@given(
    start=st.floats(0.01, 0.9),
    fraction=st.floats(0.01, 1),
    epochs=st.integers(1, 3),
    count=st.integers(1, 300),
    evaluations=st.integers(1, 12),
)
def test_under_a_ramp_a_point_says_what_share_of_the_examples_was_trained(
    start, fraction, epochs, count, evaluations
):
    """So that a trial with a ramp and one without are compared after the same examples."""
    ramping = {"batch_ramp__start_fraction": start, "batch_ramp__fraction": fraction}
    budget = {"budget__epochs": epochs, "budget__evaluations": evaluations}
    made = plan([1] * count, batch_size=32, **ramping, **budget)
    steps, points = list(made.points), list(made.points.values())
    assert steps == sorted(set(steps)) and points == sorted(set(points))
    assert made.points[made.steps] == evaluations, "the last one is at the end"
    for step, point in made.points.items():
        off = abs(made.ends[step] / made.ends[-1] - point / evaluations)
        assert off <= 0.5 / evaluations + 1e-9
    if made.batch_sizes.max() * evaluations <= made.ends[-1]:
        assert points == list(range(1, evaluations + 1)), "no step is longer than a point"


def test_a_long_ramp_moves_the_first_point_to_a_third_of_the_examples():
    ramping = {"batch_ramp__start_fraction": 0.1, "batch_ramp__fraction": 1.0}
    budget = {"budget__epochs": 1, "budget__evaluations": 3}
    made = plan([1] * 960, batch_size=32, **ramping, **budget)
    (first, _), *_ = made.points.items()
    assert made.ends[first] / made.ends[-1] == pytest.approx(1 / 3, abs=0.03)
    assert first > made.steps / 2, "its steps are small at first"


RL = {"rewards": {"eval_ended": 1.0}, "group_size": 3}
GROUPS = TrialConfig(model="tiny", objective="grpo", data={"train": "unused"}, batch_size=4, rl=RL)


def grouped(prompts=10, workers=1, **params):
    changes = {name.replace("__", "."): value for name, value in params.items()}
    lengths = np.full(prompts, 5)
    return make_plan(GROUPS.with_params(changes), lengths, workers)


def test_a_prompt_comes_as_often_in_a_row_as_it_is_answered():
    made = grouped(budget__steps=2, micro_batch_size=6)
    assert made.batch_sizes.tolist() == [12, 12]
    assert (made.micro_batch_size, made.accumulation) == (6, 2)
    assert all(len({*group}) == 1 for group in made.order.reshape(-1, 3).tolist())
    plain = make_plan(TRIAL.with_params({"batch_size": 4, "budget.steps": 2}), np.full(10, 5), 1)
    assert made.order[::3].tolist() == plain.order.tolist(), "the prompts of any other objective"


def test_steps_on_the_same_answers_have_the_same_prompts():
    made = grouped(budget__steps=5, rl__epochs=2)
    steps = made.order.reshape(5, 12).tolist()
    assert steps[0] == steps[1] and steps[2] == steps[3] and steps[1] != steps[2]


@pytest.mark.parametrize(("epochs", "steps"), [(1, 3), (2, 6)])
def test_an_epoch_is_one_over_the_prompts(epochs, steps):
    assert grouped(budget__epochs=1, rl__epochs=epochs).steps == steps


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_share_the_answers_of_a_step(workers):
    made = grouped(budget__steps=1, workers=workers, micro_batch_size=3)
    assert made.micro_batches * made.micro_batch_size == 12
