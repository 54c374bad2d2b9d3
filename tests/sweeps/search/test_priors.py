"""Priors in a search: what comes first, what is drawn around them, and what a resume repeats."""

from __future__ import annotations

import optuna
import pytest
from finished_sweeps import ended_trial
from spec_samples import problems_of, toy_tree

from results.records.prior import Prior
from results.records.record import TrialStatus
from results.records.warm_start import EarlierSweep, EarlierTrial, WarmStart
from search_spaces import bridge
from sweeps.search.drawing import guesses, make_sampler
from sweeps.search.priors import with_priors
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec

RATE = Prior(name="learning_rate", value=3e-4, method="lora")
RANK = Prior(name="lora.rank", value=16, method="lora")
METHODS = {
    "method": {"choice": ["full", "lora", "prefix"]},
    "learning_rate": [
        {"log_uniform": [1e-6, 1e-3], "when": {"method": "full"}},
        {"log_uniform": [1e-5, 1e-2], "when": {"method": ["lora", "prefix"]}},
    ],
}


def spec_of(*priors: Prior, sampler: str = "random", **changes) -> SweepSpec:
    search = {"seed": 1, "early_stopping": "none", "sampler": sampler, **changes.pop("search", {})}
    budget = {"trials": 30, "evaluations": 1}
    return with_priors(SweepSpec.parse(toy_tree(search=search, budget=budget, **changes)), priors)


def book_of(spec: SweepSpec, folder, records=(), warm=None) -> StudyBook:
    study = open_study(spec, folder / "journal", warm=warm)
    return StudyBook(study, spec.search, records, guesses(spec))


def searched(book: StudyBook, spec: SweepSpec, trials: int) -> list[dict]:
    found = []
    for _ in range(trials):
        number, params = book.draw(spec.space)
        found.append(params)
        book.ended(ended_trial(number, "complete", {}, abs(params["learning_rate"] - 1e-3)))
    return found


def test_the_priors_come_after_the_files_points_and_after_those_of_earlier_sweeps(tmp_path):
    spec = spec_of(RATE, RANK, search={"first_points": [{"learning_rate": 1e-2}]})
    earlier = EarlierSweep(name="first", first_points=({"learning_rate": 2e-5},))
    warm = WarmStart(sweeps=(earlier,))
    first, second, third = searched(book_of(spec, tmp_path, warm=warm), spec, 3)
    assert (first["learning_rate"], second["learning_rate"]) == (1e-2, 2e-5)
    assert third == {"learning_rate": 3e-4, "lora.rank": 16}


def test_what_points_leave_open_is_drawn_for_each_by_itself(tmp_path):
    points = [{"learning_rate": rate} for rate in (1e-5, 1e-4, 1e-3)]
    space = {"learning_rate": {"log_uniform": [1e-6, 1e-1]}, "warmup_fraction": {"uniform": [0, 1]}}
    spec = spec_of(RATE, search={"first_points": points}, space=space)
    found = searched(book_of(spec, tmp_path), spec, 6)
    assert [each["learning_rate"] for each in found[:4]] == [1e-5, 1e-4, 1e-3, 3e-4]
    assert len({each["warmup_fraction"] for each in found}) == 6


@pytest.mark.parametrize("told", [3, 20])
def test_trials_of_earlier_sweeps_do_not_count_as_early_ones(tmp_path, told):
    spec = spec_of(RATE)
    earlier = EarlierTrial(
        sweep="first",
        number=0,
        status=TrialStatus.COMPLETE,
        params={"learning_rate": 3e-4, "lora.rank": 4},
        values=(9.0,),
    )
    warm = WarmStart(sweeps=(EarlierSweep(name="first", told=(earlier,) * told),))
    found = searched(book_of(spec, tmp_path, warm=warm), spec, 10)
    (tmp_path / "alone").mkdir()
    alone = searched(book_of(spec, tmp_path / "alone"), spec, 10)
    assert found == alone


def test_the_priors_come_before_the_points_of_a_preset():
    tree = toy_tree(space="lora", method="lora")
    preset = SweepSpec.parse(tree).first_points
    assert preset
    assert with_priors(SweepSpec.parse(tree), [RATE]).first_points == (
        {"learning_rate": 3e-4},
        *preset,
    )


def test_without_priors_nothing_changes(tmp_path):
    plain = SweepSpec.parse(toy_tree())
    assert with_priors(plain, ()) is plain
    assert guesses(plain) == {}


def test_each_method_is_drawn_around_its_own():
    full = Prior(name="learning_rate", value=3e-5, method="full")
    spec = spec_of(full, RATE, space=METHODS)
    found = []
    for seed in range(300):
        search = SearchSettings(sampler="random", seed=seed)
        study = optuna.create_study(sampler=make_sampler(search, 0, guesses(spec)))
        found.append(bridge.suggest(study.ask(), spec.space))

    def near(method: str, value: float) -> float:
        rates = [params["learning_rate"] for params in found if params["method"] == method]
        return sum(value / 2 < rate < value * 2 for rate in rates) / len(rates)

    by_chance = near("prefix", 3e-4)  # log 4 / log 1000
    assert min(near("full", 3e-5), near("lora", 3e-4)) > 1.5 * by_chance


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "nsga2"])
def test_a_resumed_search_draws_the_same(tmp_path, sampler):
    spec = spec_of(RATE, RANK, sampler=sampler)
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = searched(book_of(spec, tmp_path / "whole"), spec, 8)
    begun = searched(book_of(spec, tmp_path / "cut"), spec, 3)
    records = [
        ended_trial(n, "complete", {}, abs(params["learning_rate"] - 1e-3))
        for n, params in enumerate(begun)
    ]
    assert begun + searched(book_of(spec, tmp_path / "cut", records), spec, 5) == whole


def test_a_finite_space_is_searched_whole_and_without_repeats(tmp_path):
    space = {"learning_rate": {"choice": [1e-4, 3e-4, 1e-3]}, "lora.rank": {"choice": [4, 16]}}
    spec = spec_of(RATE, RANK, space=space)
    found = searched(book_of(spec, tmp_path), spec, 6)
    assert found[0] == {"learning_rate": 3e-4, "lora.rank": 16}
    assert len({tuple(each.items()) for each in found}) == 6


def test_a_users_mistakes_are_told_with_their_way_out():
    def said(prior, **search):
        return problems_of(toy_tree(search={"prior": prior, **search}))

    assert said({"learning_rate": 2.0}) == [
        "search.prior.learning_rate: 2.0 is not in log_uniform [1e-06, 0.1]"
    ]
    assert said({"batch": 8}) == [
        "search.prior.batch: is not in the space; known: learning_rate, lora.rank"
    ]
    assert said({}) == ["search.prior: names no value; write {NAME: VALUE}, or none"]
    (no_number,) = problems_of(
        toy_tree(
            space={"schedule": {"choice": ["cosine", "wsd"]}}, search={"prior": {"schedule": 1}}
        )
    )[:1]
    assert no_number == (
        "search.prior.schedule: schedule has options that are no numbers; name the value in "
        "search.first_points"
    )
    assert said("always") == ["search.prior: 'always' is neither auto, none nor {NAME: VALUE}"]
    for value, shown in (("high", "'high'"), (True, "true"), (float("nan"), "nan"), ([1], "[1]")):
        assert said({"learning_rate": value}) == [
            f"search.prior.learning_rate: {shown} is no finite number, and only numbers have "
            "priors; name other values in search.first_points"
        ]
    in_yaml = toy_tree(search={"prior": {"learning_rate": "1e-4"}})  # a text in YAML 1.1
    assert SweepSpec.parse(in_yaml).search.prior == {"learning_rate": 1e-4}
    finite = problems_of(
        toy_tree(
            budget={"evaluations": 1},
            space={"lora.rank": {"choice": [4, 16]}},
            search={"prior": {"lora.rank": 4}, "sampler": "grid", "early_stopping": "none"},
        )
    )
    assert finite == [
        "search.prior: grid tries every combination, whatever is known before; leave it out, or "
        "use another sampler"
    ]


def test_first_points_that_would_have_no_effect_are_refused():
    def said(space, sampler, *points):
        search = {"first_points": list(points), "sampler": sampler, "early_stopping": "none"}
        budget = {"evaluations": 1, **({} if sampler == "grid" else {"trials": 2})}
        return problems_of(toy_tree(space=space, search=search, budget=budget))

    ranks = {"lora.rank": {"choice": [4, 16]}}
    assert said(ranks, "grid", {"lora.rank": 16}) == [
        "search.first_points: grid tries every combination, in its own order; leave it out, or "
        "use another sampler"
    ]
    assert said(ranks, "tpe", {"lora.rank": 16}, {}) == [
        "search.first_points[2]: names no value; write {NAME: VALUE}"
    ]


def test_a_grid_takes_a_preset_with_points_of_its_own():
    listed = {"learning_rate": [2e-4, 1e-3], "wsd.decay_fraction": [0.2]}
    space = {"preset": "lora", **{name: {"choice": each} for name, each in listed.items()}}
    search = {"sampler": "grid", "early_stopping": "none"}
    tree = toy_tree(space=space, method="lora", search=search, budget={"evaluations": 1})
    assert SweepSpec.parse(tree).first_points
