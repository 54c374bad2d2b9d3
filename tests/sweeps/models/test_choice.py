"""Which trial can be exported."""

from __future__ import annotations

import pytest
from finished_sweeps import ended_trial, write_ended

from sweeps.base.errors import SweepError
from sweeps.models.choice import chosen
from trainables.board.job import WEIGHTS


def folder_with(tmp_path, *methods: str):
    """Trials of these methods, the first the best; those that train have weights."""
    records = [ended_trial(n, "complete", {"method": m}, 2.0 + n) for n, m in enumerate(methods)]
    folder = write_ended(tmp_path, records)
    for record in records:
        if record.params["method"] not in ("none", "few_shot", "rag"):
            (folder.store.trial_folder(record.number) / WEIGHTS).mkdir(parents=True)
    return folder


@pytest.mark.parametrize("method", ["none", "few_shot", "rag"])
@pytest.mark.parametrize("number", [None, 0])
def test_a_trial_without_training_has_nothing_to_export(tmp_path, method, number):
    folder = folder_with(tmp_path, method, "lora")
    with pytest.raises(SweepError) as refusal:
        chosen(folder, number)
    assert str(refusal.value) == (
        f"sweep 'ended' has no weights of trial 0: its method, {method}, trains nothing; "
        f"`sweep ask ended --home {tmp_path} --trial 0` answers as it does; trials with weights: 1"
    )


def test_a_trained_trial_behind_it_can_be_exported(tmp_path):
    found = chosen(folder_with(tmp_path, "rag", "lora"), 1)
    assert (found.record.number, found.place) == (1, 2)
