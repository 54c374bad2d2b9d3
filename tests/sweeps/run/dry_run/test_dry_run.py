"""A dry run fails as the sweep would, in one message."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from data_samples import write_lines
from rich.console import Console

from sweeps.base.errors import SweepError
from sweeps.home.home import SweepHome
from sweeps.inputs.prepare import inputs_of
from sweeps.planning.plan import make_plan
from sweeps.report.dry_run_report import report
from sweeps.run.dry_run.dry_run import dry_run
from sweeps.run.dry_run.result import DryRun
from sweeps.run.fitting import card_of
from sweeps.spec.spec import SweepSpec
from trainables.core.data_error import DataError
from trainables.core.progress import Progress

ROWS = "sft/instruction-data.json"


@pytest.fixture(scope="module")
def few(data, tmp_path_factory) -> Path:
    """The real model, and as many real rows as a dry run trains."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "models").symlink_to(data / "models")
    (folder / ROWS).parent.mkdir()
    (folder / ROWS).write_text(json.dumps(json.loads((data / ROWS).read_text())[:80]))
    return folder


def tree(folder, **change):
    return {
        "name": "dry",
        "model": str(folder / "models/stories260K_hf"),
        "data": {"train": str(folder / ROWS), "max_length": 128},
        "precision": "fp32",
        "budget": {"trials": 3, "steps": 20, "evaluations": 2},
        "space": {"learning_rate": {"choice": [1e-3]}},
        "slots": {"cpus": 1},  # threads of a tiny model would wait for each other
        **change,
    }


def test_it_measures_what_the_sweep_would_cost(few, tmp_path):
    space = {"learning_rate": {"choice": [1e-3, 2e-3, 4e-3]}}
    spec = SweepSpec.parse(tree(few, slots={"count": 3, "cpus": 1000}, space=space))
    run = dry_run(spec, SweepHome(tmp_path))
    assert run.slots.startswith(
        "not enough resources on this machine: slots: 3 of 1 workers need 0 GPUs"
    )
    assert run.trial_metrics["eval_loss"] < run.base_metrics["eval_loss"]
    assert run.quote.shortest == run.quote.longest == pytest.approx(run.trial_seconds, rel=0.5)
    assert run.quote.low < run.quote.unstopped_high
    assert run.sweep_seconds == pytest.approx(
        3 * (20 * run.seconds_per_step + 2 * run.evaluation_seconds)
    )


def test_it_tries_and_prices_what_a_launch_would_make_of_the_sweep(few, tmp_path, monkeypatch):
    """Of a GPU that is too small for all, the first trial of the file is never trained."""
    from trainables.training.workshop import Workshop

    tried, train = [], Workshop.train

    def watched(self, config, *others):
        tried.append((config.method, config.micro_batch_size))
        return train(self, config, *others)

    monkeypatch.setattr(Workshop, "train", watched)
    space = {"method": {"choice": ["full", "lora"]}, "learning_rate": {"choice": [1e-3]}}
    firsts = [{"method": "full", "learning_rate": 1e-3}]
    change = {"space": space, "search": {"first_points": firsts}, "lora": {"rank": 2}}
    rows = [{"prompt": f"Day {n}", "completion": "a cat sat"} for n in range(60)]
    data = {"train": str(write_lines(tmp_path / "rows.jsonl", rows))}
    sizes = {"batch_size": 8, "micro_batch_size": 8, "data": data}
    slots = {"cpus": 1, "gpu": "0.61GB", "lanes": 1}
    spec = SweepSpec.parse(tree(few, **change, **sizes, slots=slots))
    prepared = inputs_of(spec.trial, tmp_path / "cache", trains=False)
    lines = make_plan(spec, prepared, card_of(spec, None)).lines
    full, lora = (
        next(line.estimate for line in lines if line.point["method"] == name)
        for name in ("full", "lora")
    )
    room = lora.peak(3)
    held = full.states.resting + full.states.gradients
    assert room < min(lora.peak(8), held), "full is taken out"
    slots["gpu"] = f"{(room / 0.97 + 600 * 2**20 + 2**12) / 2**30:.9f}GB"
    spec = SweepSpec.parse(tree(few, **change, **sizes, slots=slots))
    run = dry_run(spec, SweepHome(tmp_path))
    assert tried and {method for method, _ in tried} == {"lora"}
    assert max(size for _, size in tried) == 2
    assert run.params["method"] == "lora" and run.params["micro_batch_size"] == 2
    out, room_made = run.edits
    assert "method full" in out and "taken out" in out
    assert "method lora" in room_made and ": micro_batch_size 2 (needs" in room_made
    console = Console(file=io.StringIO(), width=300)
    console.print(report(spec, run))
    said = console.file.getvalue()
    assert room_made in said and "micro_batch_size 2" in said.partition("tried ")[2].split("\n")[0]
    assert "MiB of this process, libraries included" in said
    assert "of it evaluation, as measured" in said


def test_a_budget_that_cannot_be_kept_is_told(few, tmp_path):
    budget = {"trials": 3, "tokens": 100, "evaluations": 4}
    spec = SweepSpec.parse(tree(few, budget=budget, batch_size=8))
    run = dry_run(spec, SweepHome(tmp_path))
    assert (run.steps, run.evaluations) == (1, 1)
    console = Console(file=io.StringIO(), width=300)
    console.print(report(spec, run))
    said = console.file.getvalue()
    assert "Each trial trains 1 step (budget.tokens 100) and is evaluated once" in said
    assert "budget.tokens 100 is rounded up to whole batches: 1 step (" in said
    assert "budget.evaluations 4 exceeds the steps of a trial" in said


def test_it_says_where_the_precision_is_slow_here(few, tmp_path, monkeypatch):
    monkeypatch.setattr("trainables.training.slow_precision.SLOW", 0.0)  # any CPU is slow by that
    told = []
    run = dry_run(
        SweepSpec.parse(tree(few, precision="bf16")), SweepHome(tmp_path), Progress(told.append)
    )
    assert run.notes[0].startswith("precision: bf16 is slow on this CPU, ")
    assert list(dict.fromkeys(phases[0].text for phases in told if phases)) == [
        "preparing model and data",
        "measuring the base model",
        "training a few steps",
        "timing method lora with other batches",
    ]


def test_a_first_trial_that_diverges_is_told_with_its_parameters(few, tmp_path):
    spec = SweepSpec.parse(tree(few, space={"learning_rate": {"choice": [1e30]}}))
    with pytest.raises(SweepError, match=r"first trial \(learning_rate 1e\+30\) diverged"):
        dry_run(spec, SweepHome(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"neftune_noise": 1e308}, "RuntimeError"),
        ({"budget": {"trials": 3, "epochs": 1e6}}, "ValueError: the budget is .* are planned"),
    ],
    ids=str,
)
def test_a_first_trial_that_fails_is_told_with_its_parameters(data, tmp_path, change, message):
    with pytest.raises(SweepError, match=rf"first trial \(learning_rate 0.001\) fails: {message}"):
        dry_run(SweepSpec.parse(tree(data, **change)), SweepHome(tmp_path))


def test_a_first_trial_that_is_no_valid_combination_is_told(tmp_path):
    (tmp_path / "data.jsonl").write_text("x")
    change = {
        "model": "org/model",
        "data": {"train": str(tmp_path / "data.jsonl")},
        "warmup_fraction": 0.9,
        "space": {"schedule": {"choice": ["wsd"]}},
    }
    with pytest.raises(SweepError, match=r"first trial \(schedule wsd\) is invalid: warmup_fract"):
        dry_run(SweepSpec.parse(tree(tmp_path, **change)), SweepHome(tmp_path))


def test_what_the_machine_cannot_do_is_told_though_deepspeed_is_not_tried(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "data.jsonl").write_text("x")
    change = {
        "model": "org/model",
        "data": {"train": str(tmp_path / "data.jsonl")},
        "precision": "fp16",
        "slots": {"workers": 2, "deepspeed": {"zero_stage": 2}},
    }
    with pytest.raises(SweepError, match=r"precision: fp16 needs gradient scaling, .*; use fp32"):
        dry_run(SweepSpec.parse(tree(tmp_path, **change)), SweepHome(tmp_path))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_report_says_where_deepspeed_was_left_out(few, workers):
    spec = SweepSpec.parse(tree(few, slots={"workers": workers}))
    run = DryRun({}, "slots", "data", {"eval_loss": 2.0}, {"eval_loss": 1.0}, *[1.0] * 3, *[1] * 6)
    console = Console(file=io.StringIO(), width=200)
    console.print(report(spec, run))
    said = "in one process, without DeepSpeed" in console.file.getvalue()
    assert said is (workers == 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "auto, found by each slot at its first trial; the estimate is for one"),
        ({"slots": {"lanes": 2}}, "2 a slot; the estimate is for one"),
        ({"slots": {"lanes": 1}}, "1 a slot"),
        (
            {"method": "full"},
            "one a slot, since method full has no adapters that could share a base",
        ),
    ],
)
def test_the_report_says_how_many_lanes_a_slot_has(few, changes, said):
    space = {"learning_rate": {"choice": [1e-3, 2e-3, 4e-3]}}
    spec = SweepSpec.parse(tree(few, space=space, **changes))
    run = DryRun({}, "slots", "data", {"eval_loss": 2.0}, {"eval_loss": 1.0}, *[1.0] * 3, *[1] * 6)
    console = Console(file=io.StringIO(), width=200)
    console.print(report(spec, run))
    (line,) = [each for each in console.file.getvalue().splitlines() if each.startswith("lanes ")]
    assert line.removeprefix("lanes").strip() == said


def test_one_class_can_be_searched_by_if_the_data_have_it(few, tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\n" + "good,pos\nbad,neg\n" * 20)
    change = {"data": {"train": str(tmp_path / "rows.csv")}, "objective": "classification"}
    spec = SweepSpec.parse(tree(few, **change, search={"metric": "eval_f1/pos"}))
    run = dry_run(spec, SweepHome(tmp_path))
    assert 0 <= run.trial_metrics["eval_f1/pos"] <= 1
    absent = SweepSpec.parse(tree(few, **change, search={"metric": "eval_f1/posi"}))
    with pytest.raises(
        SweepError, match=r"search\.metric: eval_f1/posi is not measured; label -> metric: neg -> "
    ):
        dry_run(absent, SweepHome(tmp_path))


def test_answers_without_training_are_timed(tmp_path):
    from chat_training import make_chat_model, sums

    make_chat_model(tmp_path / "model")
    write_lines(tmp_path / "train.jsonl", sums(20))
    (tmp_path / "hollow").mkdir()
    (tmp_path / "page.md").write_text("One and one is two. " * 20)
    change = {
        "model": str(tmp_path / "model"),
        "search": {"metric": "eval_exact_match", "early_stopping": "none", "sampler": "grid"},
        "evaluation": {"max_new_tokens": 4, "prompts": 3},
        "budget": {"trials": 3},
        "space": {"method": {"choice": ["none", "few_shot", "rag"]}},
        "few_shot": {"count": 1},
        "rag": {"passages": 1, "chunk_tokens": 16},
    }
    for knowledge, refused in (("page.md", False), ("hollow", True)):
        data = {"train": str(tmp_path / "train.jsonl"), "validation": 0.3}
        data["knowledge"] = str(tmp_path / knowledge)
        spec = SweepSpec.parse(tree(tmp_path, **change, data=data))
        if refused:
            with pytest.raises(DataError, match="hollow is a folder without data files"):
                dry_run(spec, SweepHome(tmp_path))
            return
        run = dry_run(spec, SweepHome(tmp_path))
        assert {*run.answer_seconds} == {"none", "few_shot", "rag"}
        assert all(each > 0 for each in run.answer_seconds.values())
        assert run.sweep_seconds == pytest.approx(3 * run.trial_seconds)
        console = Console(file=io.StringIO(), width=100)
        console.print(report(spec, run))
        said = console.file.getvalue()
        assert "s per answer" in said and "answers without training with method " in said
        assert "per step" not in said
