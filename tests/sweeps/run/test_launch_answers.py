"""A sweep for right answers to sums: the winner's figure is that of plain generation."""

from __future__ import annotations

import itertools
import json
import random

import chat_training as chats
import pytest
from books import check_books, launch_here, sweep_here, winners_of
from data_samples import write_lines

pytestmark = pytest.mark.ray

ASKED = 40


def sums(folder):
    """Sums of two digits in two wordings; those asked are trained on in the other wording."""
    rows = [
        {"instruction": wording.format(a, b), "output": str(a + b)}
        for wording in ("{} + {}", "{} plus {}")
        for a, b in itertools.product(range(10), repeat=2)
    ]
    random.Random(1).shuffle(rows)
    write_lines(folder / "ask.jsonl", rows[:ASKED])
    write_lines(folder / "train.jsonl", rows[ASKED:])


@pytest.fixture(scope="module")
def swept(tmp_path_factory, ray_cluster):
    home = tmp_path_factory.mktemp("sums")
    chats.make_chat_model(home / "model", context=64)
    sums(home)
    tree = {
        "name": "sums",
        "model": str(home / "model"),
        "data": {"train": str(home / "train.jsonl"), "validation": str(home / "ask.jsonl")},
        "method": "full",
        "precision": "fp32",
        "batch_size": 32,
        "micro_batch_size": 32,
        "budget": {"trials": 4, "steps": 150, "evaluations": 2},
        "search": {"metric": "eval_exact_match", "sampler": "grid", "early_stopping": "none"},
        "evaluation": {"generate_at": "every", "max_new_tokens": 6, "metrics": ["eval_ended"]},
        "space": {"learning_rate": {"choice": [1e-4, 1e-3, 3e-3, 1e-2]}},
        "slots": {"count": 1, "gpus": 0},
    }
    done = launch_here(tree, home)
    assert done.returncode == 0, done.stdout + done.stderr
    return home, done


def test_the_winners_figure_is_that_of_plain_generation(swept):
    """transformers alone, one prompt at a time, from the weights and the tokenizer on disk."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    home, _ = swept
    winner = winners_of(home, "sums")["winners"][0]
    weights = home / "sweeps" / "sums" / "trials" / f"{winner['trial']:04d}" / "best"
    model = AutoModelForCausalLM.from_pretrained(weights)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    stop = tokenizer.convert_tokens_to_ids("<|im_end|>")
    right = 0
    for line in (home / "ask.jsonl").read_text().splitlines():
        row = json.loads(line)
        turns = [{"role": "user", "content": row["instruction"]}]
        asked = tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        ids = model.generate(
            **asked, max_new_tokens=6, do_sample=False, eos_token_id=stop, pad_token_id=1
        )
        new = ids[0, asked["input_ids"].shape[1] :]
        right += tokenizer.decode(new, skip_special_tokens=True) == row["output"]
    assert winner["metrics"]["eval_exact_match"] == pytest.approx(right / ASKED)
    assert right > 0, "a model that learns nothing would agree, too"


def test_the_books_agree_and_say_what_generation_took(swept):
    home, done = swept
    folder = check_books(home, "sums", trials=4)
    assert folder.store.sweep().base["eval_exact_match"] == 0
    for record in folder.store.trials():
        assert 0 < record.generation_seconds < record.seconds
        assert all("eval_ended" in each.metrics for each in record.measurements)
        assert "evaluation.max_new_tokens" in record.config
    assert "paired over 40 validation examples" in done.stdout


def test_the_samples_of_the_base_and_of_trials_are_kept(swept):
    home, _ = swept
    done = sweep_here("samples", "sums", "--trials", "0,3", "--jsonl", home=home)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["trial"] for each in lines] == [None] * 20 + [0] * 20 + [3] * 20
    assert len({each["prompt_number"] for each in lines}) == 20
    for each in lines:
        assert each["values"]["eval_exact_match"] == (each["answer"] == each["reference"])
