"""Each sampler's file against the library that it is about."""

from __future__ import annotations

import inspect
import sys

import optuna
import pytest
from spec_samples import toy_tree

from search_spaces import bridge
from search_spaces.space import Space
from sweeps.base.errors import OptionsError
from sweeps.samplers.registry import SAMPLERS
from sweeps.samplers.sampler import Sampler
from sweeps.search.drawing import make_sampler, trial_seed
from sweeps.search.options import check_options
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec
from trainables.core.discovery import found_in

OPTUNAS = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    "grid": optuna.samplers.RandomSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
    "qmc": optuna.samplers.QMCSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
}

CHANGED = {"tpe": {"multivariate": True, "group": True, "constant_liar": True}}
"""Our own defaults, as documented in docs/search.md."""

OWN = {"tpe": {"unfinished": True}}
"""Our own options with their defaults, documented there, too."""

SPACE = Space.parse(
    {
        "learning_rate": {"log_uniform": [1e-5, 1e-2]},
        "lora.rank": {"int": [1, 64]},
        "schedule": {"choice": ["cosine", "wsd"]},
        "wsd.decay_fraction": {"uniform": [0.1, 0.3], "when": {"schedule": "wsd"}},
    }
)


def options_of(library: type) -> dict[str, object]:
    """What a file can write of the library's own options, with the library's defaults."""
    parameters = inspect.signature(library.__init__).parameters.values()
    return {
        each.name: each.default
        for each in parameters
        if each.name not in ("self", "seed")
        and not any(word in str(each.annotation) for word in ("Callable", "Base", "Frozen"))
    }


def test_every_sampler_that_is_documented_is_there():
    assert next(iter(SAMPLERS)) == "tpe" and SAMPLERS.keys() == OPTUNAS.keys()


@pytest.mark.parametrize("name", OPTUNAS)
def test_a_samplers_options_are_the_librarys(name):
    declared = {key: getattr(SAMPLERS[name], key) for key in type(SAMPLERS[name]).model_fields}
    library = options_of(OPTUNAS[name])
    assert declared == {**library, **CHANGED.get(name, {}), **OWN.get(name, {})}


@pytest.mark.parametrize("name", OPTUNAS)
@pytest.mark.filterwarnings("ignore")
def test_what_is_suggested_is_what_the_librarys_sampler_suggests(name):
    """Six trials beyond the random ones, seeded as a sweep seeds them."""
    few = {
        key: 2
        for key in ("n_startup_trials", "population_size")
        if key in options_of(OPTUNAS[name])
    }
    search = SearchSettings(sampler=name, sampler_options=few, seed=3)

    def drawn(make):
        study = optuna.create_study()
        for number in range(8):
            study.sampler = make(number)
            trial = study.ask()
            params = bridge.suggest(trial, SPACE)
            yield params
            study.tell(trial, params["learning_rate"] * params["lora.rank"])

    def librarys(number):
        seed = trial_seed(3, number)
        options = {**CHANGED.get(name, {}), **few}
        if name != "qmc":
            return OPTUNAS[name](seed=seed, **options)
        loose = optuna.samplers.RandomSampler(seed=seed)  # for what is not in the sequence
        return OPTUNAS[name](seed=3, independent_sampler=loose, **options)

    assert list(drawn(lambda n: make_sampler(search, n))) == list(drawn(librarys))


def test_a_file_is_all_that_a_new_sampler_needs(tmp_path, monkeypatch):
    (tmp_path / "more_samplers").mkdir()
    (tmp_path / "more_samplers" / "__init__.py").touch()
    (tmp_path / "more_samplers" / "brute.py").write_text(
        "from sweeps.samplers.sampler import Sampler\n"
        "class Brute(Sampler):\n"
        "    name = 'brute'\n"
        "    def build(self, seed):\n"
        "        raise NotImplementedError\n"
        "BRUTE = Brute()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = found_in("more_samplers", Sampler)
    monkeypatch.delitem(sys.modules, "more_samplers")
    assert list(found) == ["brute"] and found["brute"].several_metrics


def test_a_sampler_whose_package_is_missing_is_refused_with_its_name(monkeypatch):
    spec = SweepSpec.parse(toy_tree(search={"sampler": "gp", "sampler_options": {}}))
    check_options(spec)
    monkeypatch.setattr(type(SAMPLERS["gp"]), "packages", ("scipy", "no_such_package"))
    with pytest.raises(OptionsError, match=r"gp needs no_such_package.* pip install no_such"):
        check_options(spec)
