"""`method: auto`: what is taken on which GPU, written into the file, and kept by a resume."""

from __future__ import annotations

import json

import pytest
import tiny_training as tiny
import yaml
from data_samples import write_lines
from spec_samples import problems_of
from typer.testing import CliRunner

from results.records.method_choice import MethodChoice
from results.records.record import SweepRecord
from sweeps.base.errors import SweepError
from sweeps.books.books import new_record
from sweeps.books.resumption import changed_spec
from sweeps.cli.app import app
from sweeps.home.home import SweepHome
from sweeps.planning.cards import Card
from sweeps.planning.choice import with_choice
from sweeps.planning.sizes import GIB
from sweeps.run.fitting import settle_method, settle_method_here
from sweeps.spec.spec import SweepSpec
from trainables.core.progress import NO_PROGRESS

ROWS = [{"prompt": f"w{n} w5 w6", "completion": "w7 w8"} for n in range(20, 60)]
OVERHEAD = 600 * 2**20
"""Bytes that CUDA takes on a GPU."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("auto")
    tiny.make_model(made / "model")
    write_lines(made / "rows.jsonl", ROWS)
    return made


@pytest.fixture
def tree(folder):
    return {
        "name": "open",
        "model": str(folder / "model"),
        "data": {"train": str(folder / "rows.jsonl"), "max_length": 32},
        "method": "auto",
        "precision": "fp32",
        "lora": {"rank": 2},
        "micro_batch_size": 8,
        "budget": {"trials": 2, "steps": 2, "evaluations": 1},
        "space": {"learning_rate": {"log_uniform": [1e-4, 1e-2]}},
    }


def settled(folder, tree, megabytes, gpus=8):
    gpu = Card("small", OVERHEAD + int(megabytes * 2**20))
    return settle_method(SweepSpec.parse(tree), folder / "cache", NO_PROGRESS, gpu, gpus)


@pytest.mark.parametrize(("megabytes", "method"), [(64, "full"), (0.3, "lora")])
def test_the_first_method_that_fits_one_gpu_is_taken(folder, tree, megabytes, method):
    spec, choice = settled(folder, tree, megabytes)
    assert spec.trial.method == choice.method == spec.tree["method"] == method
    assert spec.open_methods == () and spec.slots.workers == 1
    assert ("full needs more" in choice.why) == (method == "lora")
    assert str(choice).startswith(f"method: auto takes {method} on 1 GPU of small")
    if method == "lora":  # its micro-batch is made to fit, and written down
        assert spec.trial.micro_batch_size == choice.micro_batch_size <= choice.at_once < 8
        assert spec.trial.batch_size % choice.micro_batch_size == 0
        assert str(choice).endswith(f"; micro_batch_size becomes {choice.micro_batch_size}")
    assert SweepSpec.parse(yaml.safe_load(spec.text())).trial == spec.trial


def test_methods_that_the_file_leaves_no_room_for_are_not_taken(folder, tree):
    del tree["lora"]
    tree["space"]["lora.rank"] = {"choice": [2, 4]}
    assert SweepSpec.parse(tree).open_methods == ("lora", "qlora")
    spec, choice = settled(folder, tree, 64)
    assert spec.trial.method == "lora" and "full" not in choice.why


def test_several_gpus_are_taken_where_one_is_too_small_and_their_engine_is_written_down(
    folder, tree
):
    tree["slots"] = {"gpus": 1, "workers": 4, "deepspeed": {"zero_stage": 3}}
    gpu = Card("huge", 80 * GIB)
    spec, choice = settle_method(SweepSpec.parse(tree), folder / "cache", NO_PROGRESS, gpu, 8)
    assert (spec.slots.workers, spec.slots.engine.zero_stage) == (4, 3)
    assert "4 GPUs of huge under ZeRO-3" in choice.why


def test_nothing_that_fits_is_refused_with_all_that_was_tried(folder, tree):
    with pytest.raises(SweepError, match="none of full, lora, qlora fits small"):
        settled(folder, tree, 0.01, gpus=1)


def test_a_machine_without_gpus_is_judged_by_its_memory(folder, tree):
    tree["slots"] = {"gpus": 0}
    spec, choice = settle_method_here(SweepSpec.parse(tree), folder / "cache", NO_PROGRESS)
    assert spec.trial.method == "full" and choice.why.startswith("in this machine's memory (")


def test_a_cluster_of_unknown_gpus_is_refused_with_the_field(folder, tree):
    spec = SweepSpec.parse(tree)
    with pytest.raises(SweepError, match=r"set slots\.gpu"):
        settle_method_here(spec, folder / "cache", NO_PROGRESS, "10.0.0.1:6379")


def test_mistakes_of_the_file_are_told_as_ever(tree):
    assert problems_of({**tree, "learning_rat": 1}) == problems_of(
        {**tree, "learning_rat": 1, "method": "full"}
    )


def test_auto_beside_or_among_searched_methods_is_refused(tree):
    searched = {"choice": ["lora", "full"]}
    (said,) = problems_of({**tree, "space": {"method": searched}})
    assert said == "space.method: is also set at the top level; keep one of them"
    del tree["method"]
    (said,) = problems_of({**tree, "space": {"method": {"choice": ["auto", "lora"]}}})
    assert said.startswith("space.method: 'auto' stands for one method")
    assert said.endswith("write method: auto at the top level, and leave space.method out")


def test_a_resume_with_the_same_file_keeps_the_choice(folder, tree, tmp_path):
    spec, choice = settled(folder, tree, 0.3)
    sweep = SweepHome(tmp_path).sweep("open")
    sweep.path.mkdir(parents=True)
    sweep.write_spec(spec.text())
    record = new_record(spec, None, choice=choice)
    assert SweepRecord.model_validate_json(record.model_dump_json()) == record
    sweep.store.write_sweep(record)
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(tree))
    again, changes = changed_spec(sweep, file, [])
    assert changes == [] and again.trial == spec.trial
    more, changes = changed_spec(sweep, None, ["budget.trials=+2"])
    assert more.trial.method == "lora" and len(changes) == 1


def test_what_a_resume_changes_of_the_slots_stands_beside_the_choice(folder, tree):
    choice = MethodChoice(
        method="full", gpu="small", workers=2, deepspeed={"zero_stage": 3}, at_once=4, why=""
    )
    taken = with_choice(SweepSpec.parse(tree), choice)
    assert (taken.slots.workers, taken.slots.engine.zero_stage) == (2, 3)
    tree["slots"] = {"workers": 4, "deepspeed": {"zero_stage": 1}}
    given = with_choice(SweepSpec.parse(tree), choice)
    assert (given.slots.workers, given.slots.engine.zero_stage) == (4, 1)


def test_plan_says_what_is_taken(folder, tree):
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump({**tree, "method": "lora"}))
    command = ["plan", str(file), "--set", "method=auto", "--home", str(folder / "home")]
    said = CliRunner().invoke(app, command)
    assert said.stdout.startswith("method: auto takes full in this machine's memory"), said.output
    said = CliRunner().invoke(app, [*command, "--gpu", "24GB"])
    assert said.stdout.startswith("method: auto takes full on 1 GPU of 24 GB"), said.output
    found = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert found["method_choice"]["method"] == "full"
