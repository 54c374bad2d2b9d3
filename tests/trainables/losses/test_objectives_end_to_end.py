"""From a file of rows to a trained model, for each objective: the loss must fall."""

from __future__ import annotations

import dataclasses
import random

import pytest
import tiny_training as tiny
from data_samples import REAL_DATA, needs_real_data, write_lines
from tiny_training import Watcher

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending
from trainables.metrics.registry import metrics_of
from trainables.training.inputs import prepare_inputs


def words(numbers):
    return " ".join(f"w{number}" for number in numbers)


def row(kind, number):
    """Rows with something to learn: what is good ends in other words than what is bad."""
    drawn = random.Random(number)
    asked, said = ([drawn.randrange(10, 60) for _ in range(4)] for _ in range(2))
    good, bad = words([*said, 5, 6]), words([*said, 7, 8])
    match kind:
        case "classification":
            return {"text": good if number % 2 else bad, "label": "good" if number % 2 else "bad"}
        case "rated":
            return {"text": good if number % 2 else bad, "reward": number % 2}
        case "kto":
            answer = good if number % 2 else bad
            return {"prompt": words(asked), "completion": answer, "label": bool(number % 2)}
        case _:
            return {"prompt": words(asked), "chosen": good, "rejected": bad}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.make_model(tmp_path_factory.mktemp("model")))


def trained(config, cache, watcher=None):
    """(metrics of the untouched base, metrics at the end) of one trial."""
    from trainables.training.workshop import Workshop

    workshop = Workshop(prepare_inputs(config, cache).inputs)
    base = workshop.measure_base(config)
    watcher = watcher or Watcher()
    assert workshop.train(config, watcher).ending is Ending.COMPLETE
    measured = {name for name in watcher.seen[-1].metrics if not name.startswith("eval_f1/")}
    assert measured == {*config.measures} & {*metrics_of(config.objective, "single_label")}
    return base.metrics, watcher.seen[-1].metrics


@pytest.mark.parametrize(
    "kind", ["classification", "pairs", "rated", "dpo", "orpo", "simpo", "kto"]
)
def test_what_the_rows_say_is_learned(model, kind, tmp_path):
    rows = write_lines(tmp_path / "rows.jsonl", [row(kind, number) for number in range(120)])
    config = tiny.trial(
        model=model,
        objective="reward" if kind in ("pairs", "rated") else kind,
        data={"train": str(rows), "validation": 0.2, "test": 0.1, "max_length": 40},
        budget={"steps": 30, "evaluations": 1},
        learning_rate=1e-2,
    )
    base, after = trained(config, tmp_path / "cache")
    assert after["eval_loss"] < 0.8 * base["eval_loss"]
    better = "eval_accuracy" if kind == "classification" else "eval_reward_accuracy"
    assert after[better] > 0.8


def test_a_new_head_alone_can_be_trained(model, tmp_path):
    from trainables.training.workshop import Workshop

    rows = [row("classification", number) for number in range(40)]
    config = tiny.trial(
        model=model,
        objective="classification",
        method="freeze",
        freeze={"last_blocks": 0},
        data={"train": str(write_lines(tmp_path / "rows.jsonl", rows)), "validation": 0.2},
        budget={"steps": 5, "evaluations": 1},
    )
    workshop = Workshop(prepare_inputs(config, tmp_path / "cache").inputs)
    outcome = workshop.train(config, Watcher())
    assert (outcome.ending, outcome.cost.trainable_parameters) == (Ending.COMPLETE, 2 * 32)


@pytest.mark.parametrize("method", ["lora", "qlora", "prefix"])
@pytest.mark.parametrize("kind", ["classification", "rated"])
def test_a_new_head_learns_in_half_precision_and_is_kept_as_it_was(model, kind, method, tmp_path):
    """With bf16 weights small steps would be lost."""
    from safetensors.torch import load_file

    from trainables.training.workshop import Workshop

    rows = write_lines(tmp_path / "rows.jsonl", [row(kind, number) for number in range(120)])
    config = tiny.trial(
        model=model,
        objective="reward" if kind == "rated" else kind,
        method=method,
        precision="bf16",
        data={"train": str(rows), "validation": 0.2, "test": 0.1, "max_length": 40},
        budget={"steps": 30, "evaluations": 1},
        learning_rate=1e-2,
    )
    inputs = prepare_inputs(config, tmp_path / "cache").inputs
    workshop = Workshop(dataclasses.replace(inputs, test=inputs.validation))
    watcher = Watcher(tmp_path)
    assert workshop.train(config, watcher).ending is Ending.COMPLETE
    after = watcher.seen[-1].metrics
    assert after["eval_loss"] < 0.8 * workshop.measure_base(config).metrics["eval_loss"]
    tested = workshop.test(config, tmp_path / "best").metrics
    assert tested["test_loss"] == pytest.approx(after["eval_loss"], rel=1e-6)
    (file,) = (tmp_path / "best").glob("*.safetensors")
    assert {str(weight.dtype) for weight in load_file(file).values()} == {"torch.float32"}


def texts(begin, count):
    """Rows of text in which each word follows from the one before it, from `begin` on."""
    return [{"text": words(range(begin + n % 3, begin + n % 3 + 12))} for n in range(count)]


def forgetting(model, tmp_path, proportion):
    """How the loss on other data changes while a model learns one kind of text."""
    train = write_lines(tmp_path / "train.jsonl", texts(2, 60))
    other = write_lines(tmp_path / "other.jsonl", texts(40, 60))
    config = tiny.trial(
        model=model,
        objective="clm",
        method="full",
        data={
            "train": str(train),
            "max_length": 16,
            "general": str(other),
            "mix": {"train": str(other), "proportion": proportion},
        },
        budget={"steps": 30, "evaluations": 1},
        learning_rate=3e-3,
    )
    return trained(config, tmp_path / "cache")


def test_a_replay_set_keeps_a_model_from_forgetting(model, tmp_path):
    base, without = forgetting(model, tmp_path, 0.0)
    _, mixed = forgetting(model, tmp_path, 0.5)
    assert base["eval_general_change"] == 0.0
    for metrics in (without, mixed):
        change = metrics["eval_general_loss"] - base["eval_general_loss"]
        assert metrics["eval_general_change"] == pytest.approx(change)
        assert metrics["eval_loss"] < 0.8 * base["eval_loss"]
    assert mixed["eval_general_loss"] < 0.8 * without["eval_general_loss"]


@needs_real_data
@pytest.mark.parametrize(
    ("name", "objective", "max_length", "steps", "batch"),
    [
        ("cls/sst2_dev.tsv", "classification", 64, 30, 4),
        ("pref/instruction-data-with-preference.json", "reward", 128, 10, 8),
        ("reward/alpaca_eval_vicuna7b_winprob.jsonl", "reward", 512, 6, 4),
        ("pref/instruction-data-with-preference.json", "dpo", 96, 10, 4),
        ("pref/instruction-data-with-preference.json", "kto", 96, 10, 4),
    ],
)
def test_a_real_model_learns_from_real_rows(name, objective, max_length, steps, batch, tmp_path):
    config = TrialConfig(
        model=str(REAL_DATA / "models/stories260K_hf"),
        objective=objective,
        method="lora",
        precision="fp32",
        data={
            "train": str(REAL_DATA / name),
            "max_length": max_length,
            "validation": 0.05,
            "bad_rows": "skip",
        },
        budget={"steps": steps, "evaluations": 1},
        batch_size=batch,
        learning_rate=1e-3 if objective == "kto" else 3e-3,
    )
    base, after = trained(config, tmp_path)
    assert after["eval_loss"] < base["eval_loss"]
