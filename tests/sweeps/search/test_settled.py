from __future__ import annotations

import optuna
from optuna.trial import TrialState, create_trial

from sweeps.search.settled import Settled

ENDS = {"C": TrialState.COMPLETE, "P": TrialState.PRUNED, "F": TrialState.FAIL}


def study_of(states: str) -> list:
    """Trials in these states: C, P and F have ended, R runs, W waits."""
    words = {**ENDS, "R": TrialState.RUNNING, "W": TrialState.WAITING}
    study = optuna.create_study()
    study.add_trials(
        create_trial(state=words[each], value=1.0 if each == "C" else None) for each in states
    )
    return study.get_trials(deepcopy=False)


def test_the_rest_begins_with_the_first_trial_that_may_still_change():
    settled = Settled()
    for states, rest in (("", 0), ("R", 1), ("CR", 1), ("CRPW", 3), ("CPFCRC", 2), ("CPFCPC", 0)):
        assert len(settled.rest(study_of(states))) == rest, states


def test_a_trial_that_has_ended_is_looked_at_once():
    read: list[object] = []

    class Watched(list):
        """Notes what is read of it."""

        def __getitem__(self, place):
            read.append(place)
            return super().__getitem__(place)

    settled, known = Settled(), Watched(study_of("CP" * 500 + "R"))
    settled.rest(known)
    read.clear()
    assert len(settled.rest(known)) == 1
    assert set(map(str, read)) == {"1000", "slice(1000, None, None)"}
