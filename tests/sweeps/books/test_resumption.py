from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from spec_samples import toy_tree

from results.records.record import Provenance, SweepRecord, TrialRecord
from sweeps.base.errors import SweepError
from sweeps.base.view import View
from sweeps.books.resumption import changed_spec, refuse_if_changed
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.run.launch import resume


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    """A toy sweep as it was launched."""
    folder = SweepHome(tmp_path).sweep("toy")
    folder.take_name()
    folder.write_spec(yaml.safe_dump(toy_tree()))
    return folder


def test_a_sweep_is_resumed_as_it_was_launched_unless_told_otherwise(folder):
    spec, changes = changed_spec(folder, None, ())
    assert (spec.trials, changes) == (6, [])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("budget.trials=20", "budget.trials: 6 -> 20"),
        ("budget.hours=2", "budget.hours: unset -> 2"),
        ("slots.checkpoint_seconds=60", "slots.checkpoint_seconds: unset -> 60"),
        ("tracking.uri=http://a.example", "tracking.uri: unset -> (an address)"),
    ],
)
def test_what_decides_no_trials_meaning_may_change_and_is_told(folder, override, told):
    assert changed_spec(folder, None, [override])[1] == [told]


def test_a_number_of_examples_stays_as_it_was_settled(folder, tmp_path):
    folder.write_spec(yaml.safe_dump({**toy_tree(), "evaluation": {"examples": 120}}))
    file = tmp_path / "toy.yaml"
    file.write_text(yaml.safe_dump({**toy_tree(), "evaluation": {"examples": "auto"}}))
    spec, changes = changed_spec(folder, file, ())
    assert (spec.trial.evaluation.examples, changes) == (120, [])


def test_how_a_cap_ends_a_sweep_may_change(folder):
    _, changes = changed_spec(folder, None, ["budget.hours=2", "budget.at_cap=finish"])
    assert set(changes) == {"budget.hours: unset -> 2", "budget.at_cap: unset -> finish"}


def test_a_sweep_cannot_have_fewer_trials_than_it_has(folder):
    for number in range(3):
        folder.store.write_trial(TrialRecord(sweep="toy", number=number, status="complete"))
    assert changed_spec(folder, None, ["budget.trials=3"])[0].trials == 3
    with pytest.raises(SweepError, match=r"budget\.trials: must be at least 3, .* got 2"):
        changed_spec(folder, None, ["budget.trials=2"])


@pytest.mark.parametrize(
    "override",
    [
        "search.seed=2",
        "search.sampler=random",
        "budget.evaluations=2",
        "model=other",
        "batch_size=4",
        "space.lora.rank={choice: [4]}",
        "toy.seconds=1",
        "slots.deepspeed={zero_stage: 3, quantized_gradients: true}",
    ],
)
def test_what_would_make_trials_incomparable_is_refused_by_name(folder, override):
    with pytest.raises(SweepError, match="cannot be resumed with these changes") as refusal:
        changed_spec(folder, None, [override, "budget.trials=20"])
    assert f"\n  {override.partition('=')[0]}" in str(refusal.value)
    assert "budget.trials: " not in str(refusal.value)


@pytest.mark.parametrize(
    ("override", "free"),
    [
        ("metrics.judge.requests_per_minute=9", True),
        ("metrics.judge.prices={input: 1, output: 2}", True),
        ("metrics.judge.model=other", False),
        ("metrics.judge.options.seed=1", False),
        ("metrics.judge.range=[1, 5]", False),
    ],
)
def test_how_a_judge_is_asked_may_change_but_not_what_it_says(
    folder, tmp_path, monkeypatch, override, free
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chats.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    (tmp_path / "rubric.md").write_text("Be good.")
    judge = {"endpoint": "http://x/v1", "model": "j", "rubric": "rubric.md"}
    tree = {
        "model": "builtin:pydoc",
        "data": {"train": "chats.jsonl"},
        "budget": {"trials": 2},
        "metrics": {"judge": judge},
        "space": {"lora.rank": {"choice": [4, 8]}},
    }
    folder.write_spec(yaml.safe_dump({**tree, "name": "toy"}))
    if free:
        assert changed_spec(folder, None, [override])[1]
        return
    with pytest.raises(SweepError, match="cannot be resumed with these changes"):
        changed_spec(folder, None, [override])


def test_a_changed_sweep_file_is_compared_with_the_one_that_was_launched(folder, tmp_path):
    file = tmp_path / "other-name.yaml"
    file.write_text(
        yaml.safe_dump(toy_tree(name="another", budget={"trials": 9, "evaluations": 4}))
    )
    spec, changes = changed_spec(folder, file, ())
    assert (spec.name, spec.trials, changes) == ("toy", 9, ["budget.trials: 6 -> 9"])


class Told(View):
    """A view that remembers what it was told."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


def test_a_resume_says_first_what_it_changes(folder):
    folder.write_spec(yaml.safe_dump(toy_tree(slots={"retries": 1}, budget={"trials": 1})))
    record = SweepRecord(
        name="toy", state="complete", metric="eval_loss", mode="min", created=1.0, ended=2.0
    )
    folder.store.write_sweep(record)
    folder.store.write_trial(TrialRecord(sweep="toy", number=0, status="complete", ended=1.5))
    view = Told()
    resume("toy", SweepHome(folder.path.parents[1]), view, ["slots.retries=+1"])
    assert view.lines[0] == "Changed: slots.retries: 1 -> 2"
    assert folder.store.sweep().changes == ("slots.retries: 1 -> 2",)


@pytest.mark.parametrize("what", ["data", "model"])
def test_data_and_models_that_have_changed_are_refused(what):
    then = {"data_fingerprint": "d1", "model_fingerprint": "m1"}
    earlier = SweepRecord(
        name="toy",
        state="interrupted",
        metric="eval_loss",
        mode="min",
        created=0.0,
        provenance=Provenance(seed=0, **then),
    )
    inputs = SimpleNamespace(metric_files={})
    refuse_if_changed(earlier, SimpleNamespace(**then, inputs=inputs))
    refuse_if_changed(earlier, None)
    now = SimpleNamespace(**{**then, f"{what}_fingerprint": "other"}, inputs=inputs)
    with pytest.raises(SweepError, match=f"its {what} has changed since the launch"):
        refuse_if_changed(earlier, now)


def test_more_trials_are_more_than_the_sweep_had(folder, tmp_path):
    spec, changes = changed_spec(folder, None, ["budget.trials=+4"])
    assert (spec.trials, changes) == (10, ["budget.trials: 6 -> 10"])
    file = tmp_path / "changed.yaml"
    file.write_text(yaml.safe_dump(toy_tree(budget={"trials": 100, "evaluations": 4})))
    assert changed_spec(folder, file, ["budget.trials=+4"])[0].trials == 10


def test_changes_are_told_as_yaml_has_them(folder):
    _, changes = changed_spec(folder, None, ["slots.trial_timeout=null", "slots.prices={a10g: 1}"])
    assert changes == ["slots.prices.a10g: unset -> 1", "slots.trial_timeout: unset -> null"]
