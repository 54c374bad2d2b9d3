from __future__ import annotations

import dataclasses

from finished_sweeps import a_search, results_of

from sweeps.advice import importance as module
from sweeps.advice.importance import importance


def test_of_thousands_of_trials_some_evenly_spread_tell_the_importance(tmp_path, monkeypatch):
    results = results_of(tmp_path, a_search(12))
    valued = dataclasses.replace(results, trials=a_search(120)).complete()
    monkeypatch.setattr(module, "MOST", 40)
    sizes = []
    shares = module._shares
    monkeypatch.setattr(
        module, "_shares", lambda study, way: sizes.append(len(study.trials)) or shares(study, way)
    )
    found = importance(results, valued)
    assert (found.trials, found.known) == (40, len(valued)) and max(sizes) == 40
    assert found.counted == f"40 of {len(valued)} trials, evenly spread"
    assert found.ordered(["schedule", "learning_rate", "lora.rank"])[0] == "learning_rate"
    assert importance(results, valued[:40]).counted == "40 trials"
