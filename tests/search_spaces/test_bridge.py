"""Spaces to Optuna and back. Optuna's own warnings about ranges are errors here."""

import math

import optuna
import pytest
from hypothesis import given, settings
from space_strategies import domains, spaces

from search_spaces.bridge import decode, encode, suggest
from search_spaces.dimension import Branch, Dimension
from search_spaces.problem import SpaceError
from search_spaces.space import Space

EVERY_KIND = Space.parse(
    {
        "wsd.decay_fraction": {"quantized": [0.05, 0.4, 0.05], "when": {"schedule": "wsd"}},
        "learning_rate": {"log_uniform": [1e-5, 3e-3]},
        "optimizer.weight_decay": {"uniform": [0.0, 0.1]},
        "lora.rank": {"int": [4, 64], "step": 4},
        "batch_size": {"log_int": [4, 256]},
        "schedule": {"choice": ["cosine", "wsd", None, True, 0]},
        "lora.target_modules": {"choice": ["all-linear", ["q_proj", "v_proj"], "[x]", '"']},
    }
)


def new_study(sampler=None):
    return optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=0))


@settings(max_examples=50, deadline=None)
@given(spaces())
def test_what_is_suggested_is_a_point_of_the_space(space):
    study = new_study()
    for _ in range(3):
        trial = study.ask()
        params = suggest(trial, space)
        assert space.explain(params) == []
        assert decode(trial.params, space) == params
        assert list(params) == [name for name in space if name in params]


@settings(max_examples=50, deadline=None)
@given(domains)
def test_every_value_can_be_queued_and_comes_back_the_same(domain):
    space = Space({"x": Dimension((Branch(domain),))})
    study = new_study()
    for value in domain.grid()[-5:] if domain.cardinality else (domain.low, domain.high):
        study.enqueue_trial(encode({"x": value}, space))
        found = suggest(study.ask(), space)["x"]
        assert (found, type(found)) == (value, type(value))


def test_tops_are_reached_and_nothing_beyond_them():
    space = Space.parse({"rank": {"int": [4, 12], "step": 4}, "drop": {"quantized": [0, 0.3, 0.1]}})
    study = new_study()
    seen = [suggest(study.ask(), space) for _ in range(100)]
    assert {point["rank"] for point in seen} == {4, 8, 12}
    assert {point["drop"] for point in seen} == {0.0, 0.1, 0.2, 0.3}


def test_the_default_sampler_learns_over_a_conditional_space():
    study = new_study(optuna.samplers.TPESampler(seed=3, n_startup_trials=4))
    for _ in range(25):
        trial = study.ask()
        params = suggest(trial, EVERY_KIND)
        assert EVERY_KIND.explain(params) == []
        assert ("wsd.decay_fraction" in params) == (params["schedule"] == "wsd")
        study.tell(trial, params["learning_rate"])
    assert study.best_value < 2e-4


def test_parents_are_asked_first_and_inactive_names_not_at_all():
    trial = optuna.trial.FixedTrial({"schedule": "cosine", "wsd.decay_fraction": 0.1})
    tree = {"wsd.decay_fraction": {"uniform": [0, 1], "when": {"schedule": "wsd"}}}
    space = Space.parse({**tree, "schedule": {"choice": ["cosine", "wsd"]}})
    assert suggest(trial, space) == {"schedule": "cosine"}
    assert list(trial.params) == ["schedule"]


BRANCHED = Space.parse(
    {
        "method": {"choice": ["full", "lora", "prompt"]},
        "learning_rate": [
            {"log_uniform": [1e-6, 1e-4], "when": {"method": "full"}},
            {"log_uniform": [1e-5, 1e-2], "when": {"method": ["lora", "prompt"]}},
        ],
    }
)


def test_each_branch_is_a_parameter_of_its_own():
    trial = optuna.trial.FixedTrial(
        {
            "method": "lora",
            "learning_rate [method=full]": 1e-5,
            "learning_rate [method=lora,prompt]": 1e-3,
        }
    )
    assert suggest(trial, BRANCHED) == {"method": "lora", "learning_rate": 1e-3}
    assert list(trial.params) == ["method", "learning_rate [method=lora,prompt]"]


def test_the_default_sampler_finds_each_branchs_own_range():
    # The best rate of full fine-tuning is a hundredth of the others'; one range for both would
    # learn a mean of the two.
    study = new_study(optuna.samplers.TPESampler(seed=3, n_startup_trials=4))
    best = {"full": 1e-5, "lora": 1e-3, "prompt": 1e-3}
    for _ in range(30):
        trial = study.ask()
        params = suggest(trial, BRANCHED)
        assert BRANCHED.explain(params) == []
        study.tell(trial, abs(math.log10(params["learning_rate"] / best[params["method"]])))
    assert study.best_value < 0.1


def test_a_queued_point_without_its_parent_keeps_every_branch_that_has_the_value():
    assert encode({"learning_rate": 5e-5}, BRANCHED) == {
        "learning_rate [method=full]": 5e-5,
        "learning_rate [method=lora,prompt]": 5e-5,
    }
    assert list(encode({"learning_rate": 5e-3}, BRANCHED)) == ["learning_rate [method=lora,prompt]"]


def test_a_queued_point_is_tried_as_it_is_and_its_gaps_are_sampled():
    point = {
        "lora.target_modules": ["q_proj", "v_proj"],
        "schedule": "wsd",
        "wsd.decay_fraction": 0.05 + 0.1,
        "learning_rate": 3e-3,
    }
    study = new_study()
    study.enqueue_trial(encode(point, EVERY_KIND))
    params = suggest(study.ask(), EVERY_KIND)
    assert EVERY_KIND.contains(params)
    assert params["lora.target_modules"] == ("q_proj", "v_proj")
    assert (params["wsd.decay_fraction"], params["learning_rate"]) == (0.15, 3e-3)


def test_points_that_do_not_fit_are_not_queued():
    with pytest.raises(SpaceError) as caught:
        encode({"schedule": "cosine", "wsd.decay_fraction": 0.1, "rank": 8}, EVERY_KIND)
    assert [problem.place for problem in caught.value.problems] == ["rank", "wsd.decay_fraction"]


def test_a_value_queued_for_another_space_is_not_trained():
    space = Space.parse({"rank": {"int": [4, 64]}})
    trial = optuna.trial.FixedTrial({"rank": 128})
    with pytest.warns(UserWarning, match="out of"), pytest.raises(SpaceError, match="rank: 128"):
        suggest(trial, space)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"lora.rnk": 8}, "lora.rnk: is not in the space; did you mean lora.rank?"),
        ({"lora.rank": 7}, r"lora.rank: 7 is not in int \[4, 64\], step 4"),
    ],
)
def test_decoding_what_the_space_lacks_is_refused(params, problem):
    with pytest.raises(SpaceError, match=problem):
        decode(params, EVERY_KIND)
