"""`sweep plan`: what fits on a card, and what it says of cards that it does not know."""

from __future__ import annotations

import json

import pytest
import tiny_training as tiny
import yaml
from data_samples import write_lines
from spec_samples import toy_tree
from typer.testing import CliRunner

from sweeps.cli.app import app

ROWS = [{"prompt": f"w{n} w5 w6", "completion": "w7 w8"} for n in range(20, 60)]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    tree = {
        "name": "planned",
        "model": str(tiny.make_model(folder / "model")),
        "objective": "sft",
        "data": {"train": str(write_lines(folder / "rows.jsonl", ROWS)), "max_length": 32},
        "precision": "fp32",
        "budget": {"trials": 4, "steps": 4, "evaluations": 1},
        "search": {"sampler": "random", "metric": "eval_loss"},
        "space": {
            "method": {"choice": ["lora", "full"]},
            "learning_rate": {"log_uniform": [1e-4, 1e-2]},
            "lora.rank": {"choice": [2, 64], "when": {"method": "lora"}},
            "batch_size": {"choice": [8, 16]},
        },
    }
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


def planned(spec, *options):
    home = str(spec.parent / "home")
    return CliRunner().invoke(app, ["plan", str(spec), "--home", home, *options])


def test_every_combination_that_differs_in_memory_is_one_line(spec):
    done = planned(spec, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    share = found["evaluation"]
    assert 0 < share["evaluated_tokens"] < share["trained_tokens"] and share["share_of_time"] < 0.25
    values = [each["params"] for each in found["combinations"]]
    # The batch size changes the number of micro-batches, not their size.
    assert sorted(map(str, values)) == sorted(
        map(
            str,
            [
                {"method": "lora", "lora.rank": 64},
                {"method": "lora", "lora.rank": 2},
                {"method": "full"},
            ],
        )
    )
    peaks = [each["peak_bytes"] for each in found["combinations"]]
    assert peaks == sorted(peaks, reverse=True)
    assert all(sum(each["parts"].values()) == each["peak_bytes"] for each in found["combinations"])
    lost = found["cuda_context_bytes"] + found["allocator_slack_bytes"]
    assert found["usable_bytes"] + lost == found["gpu_bytes"]


def test_what_does_not_fit_is_listed_with_what_a_launch_would_change(spec):
    done = planned(spec, "--gpu", "0.5864GB", "--json")  # half a megabyte for tensors
    found = json.loads(done.stdout)
    assert {edit["why"].partition(" ")[0] for edit in found["edits"]} == {"needs"}
    misfits = [each for each in found["combinations"] if not each["fits"]]
    assert len(found["edits"]) == len(misfits) == 3
    same = planned(spec, "--set", "slots.gpu=0.5864GB", "--json")
    assert json.loads(same.stdout) == json.loads(done.stdout), "it is what is planned for"
    said = planned(spec, "--gpu", "0.5864GB").stdout
    assert "the sweep would be edited before its first trial" in said and "taken out" in said


def test_fit_looks_at_the_given_gpu_and_workers(spec):
    said = planned(spec, "--fit", "--gpu", "H100", "--workers", "2").stdout
    rows = [line.split() for line in said.splitlines() if line.startswith("H100")]
    assert [row[1] for row in rows] == ["full", "lora", "qlora"]
    assert {row[2] for row in rows} == {"2"}
    assert all("all 64" in said for said in said.splitlines() if said.startswith("H100"))


def test_fit_looks_at_the_gpus_of_a_cluster_file(spec):
    tree = {
        "provider": {"type": "aws"},
        "head_node_type": "head",
        "available_node_types": {
            "head": {"node_config": {"InstanceType": "m5.xlarge"}},
            "worker": {"node_config": {"InstanceType": "g5.xlarge"}},
        },
    }
    file = spec.with_name("cluster.yaml")
    file.write_text(yaml.safe_dump(tree))
    said = planned(spec, "--fit", "--cluster", str(file)).stdout
    assert "worker (g5.xlarge, A10)  full    1" in said
    assert planned(spec, "--cluster", str(file)).exit_code != 0
    tree["available_node_types"]["worker"]["node_config"]["InstanceType"] = "m5.xlarge"
    file.write_text(yaml.safe_dump(tree))
    refused = planned(spec, "--fit", "--cluster", str(file))
    assert refused.exit_code != 0 and "none of its types of workers has a GPU" in refused.output


def test_the_table_says_what_fits(spec):
    done = planned(spec, "--gpu", "24GB")
    assert "All 3 combinations fit." in done.stdout
    table, *_ = done.stdout.partition("Note: ")
    assert max(map(len, table.splitlines())) <= 100


def test_methods_on_common_cards(spec):
    done = planned(spec, "--fit")
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if "recommended" in line]
    assert len(rows) == 5 and all("full" in row for row in rows)


def test_fit_is_the_same_for_scripts(spec):
    found = json.loads(planned(spec, "--fit", "--gpu", "H100", "--json").stdout)
    assert found["longest"] < 32
    (gpu,) = found["gpus"]
    assert gpu["gpu"] == "H100" and gpu["gpu_bytes"] == 80 * 2**30
    assert gpu["why"] == "one GPU is enough; all weights train"
    best, *others = gpu["methods"]
    assert (best["method"], best["gpus"], best["zero_stage"]) == ("full", 1, None)
    assert (best["longest_alone"], best["whole_context"]) == (64, True) and best["at_once"] > 1000
    assert {each["method"] for each in others} == {"lora", "qlora"}


def test_a_plan_notes_what_a_launch_would(spec):
    backwards = ("--set", "search.mode=max")
    told = "eval_loss is searched for its maximum, although its minimum is best."
    assert f"Note: {told}" in planned(spec, *backwards).stdout
    assert told in json.loads(planned(spec, *backwards, "--json").stdout)["notes"]
    assert told not in planned(spec).stdout


def test_what_does_not_divide_or_does_not_train_is_one_message(spec):
    done = planned(spec, "--workers", "3")
    assert done.exit_code == 2
    assert "space.batch_size: 16 is not divisible by the 3 workers of a slot" in done.output
    tree = yaml.safe_load(spec.read_text())
    tree["space"] = {"method": {"choice": ["none", "lora"]}, "lora.rank": {"choice": [2, 4]}}
    tree["search"]["metric"] = "eval_exact_match"
    tree["evaluation"] = {"max_new_tokens": 16}
    other = spec.with_name("none.yaml")
    other.write_text(yaml.safe_dump(tree))
    found = json.loads(planned(other, "--json").stdout)
    assert {each["params"]["method"] for each in found["combinations"]} == {"lora"}


def test_a_cap_on_tokens_below_one_trial_is_refused_as_at_launch(spec):
    done = planned(spec, "--set", "budget.trained_tokens=1")
    assert done.exit_code == 2 and "budget.trained_tokens: 1 is below one trial" in done.output


@pytest.mark.parametrize("options", [(), ("--fit",)])
def test_a_sweep_without_a_model_is_refused_in_a_sentence(tmp_path, options):
    """Not looked for on the hub."""
    file = tmp_path / "toy.yaml"
    file.write_text(yaml.safe_dump(toy_tree()))
    done = CliRunner().invoke(app, ["plan", str(file), *options])
    said = "objective toy trains nothing, so there is no memory to plan; launch the sweep instead"
    assert done.exit_code == 2 and said in " ".join(done.output.split())
