"""Bad data end `sweep inspect` and `sweep launch` with one message, before any trial."""

from __future__ import annotations

import gzip
import json

import pytest
import yaml
from typer.testing import CliRunner

from sweeps.cli.app import app


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


GOOD = [{"prompt": "what " * (n + 1), "completion": "yes"} for n in range(20)]
LABELLED = [{"text": "what " * (n + 1), "label": "one"} for n in range(20)]
RATED = [{"text": "what " * (n + 1), "reward": n} for n in range(20)]
CHAT = {"messages": [{"role": "user", "content": "what"}] * 2}

FILES = [
    ("rows.jsonl", lines(*GOOD)[:-9], "sft", "line 20 column"),
    ("rows.jsonl", lines(*GOOD).decode().encode("utf-16"), "sft", "set data.encoding: utf-16"),
    ("rows.csv", b"text,label\na,b\nc\n", "classification", "line 3 has 1 cells"),
    ("rows.json", b"<!doctype html>", "sft", "is an HTML page"),
    ("rows.json", b"[" * 100_000, "sft", "nested too deeply"),
    ("rows.jsonl.gz", gzip.compress(b" " * 2**20) * 100, "sft", "too much for text"),
    ("rows.jsonl", lines(*GOOD, {"prompt": "a", "completion": {}}), "sft", "line 21: completion"),
    ("rows.jsonl", lines(*GOOD, {"\x1b[2J\ud800": 1}), "sft", r"\x1b[2J\ud800"),
    ("rows.jsonl", lines(CHAT), "sft", "line 1: no answer (turns: user)"),
    ("rows.jsonl", lines(*LABELLED), "classification", "all records have the label 'one'"),
    ("rows.jsonl", lines(*RATED, {"text": "a", "reward": None}), "reward", "line 21: no reward"),
    ("rows.jsonl", lines(*GOOD[:1]), "sft", "add records or name a validation file"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tokenizer of words, and weights that nobody loads: the data are read before."""
    import numpy as np
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = ["?", "</s>", "what", "yes"]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>").save_pretrained(folder)
    save_file({"weight": np.zeros(1)}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 64}')
    return str(folder)


@pytest.fixture
def run(model, tmp_path):
    """Runs a command on a sweep over a file of this content."""

    def command(verb, name, content, objective, *options):
        path = tmp_path / name
        path.write_bytes(content)
        tree = {
            "name": "bad",
            "model": model,
            "objective": objective,
            "data": {"train": str(path), "validation": 0.2},
            "budget": {"trials": 1},
            "space": {"learning_rate": {"choice": [1e-3]}},
        }
        spec = tmp_path / "spec.yaml"
        spec.write_text(yaml.safe_dump(tree))
        return CliRunner().invoke(app, [verb, str(spec), "--home", str(tmp_path / "h"), *options])

    return command


@pytest.mark.parametrize(("name", "content", "objective", "said"), FILES)
def test_inspect_ends_in_one_message(run, name, content, objective, said):
    done = run("inspect", name, content, objective)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1


def test_launch_ends_before_any_trial(run, tmp_path):
    done = run("launch", "rows.jsonl", lines(*RATED, {"text": "a"}), "reward")
    assert done.exit_code == 2
    assert "line 21: no reward" in done.stderr and "--skip-bad-rows" in done.stderr
    assert "Starting Ray" not in done.output
    assert not list((tmp_path / "h").glob("**/sweep.json"))


def test_launch_takes_the_option_as_well(run):
    bad = lines(*({"text": "a", "reward": each} for each in ("high", None)))
    done = run("launch", "rows.jsonl", bad, "reward", "--skip-bad-rows")
    assert (done.exit_code, "all of its 2 rows are bad" in done.stderr) == (2, True)


def test_bad_rows_are_skipped_and_counted_on_request(run):
    content = lines(*RATED, {"text": "a"}, 3, {"text": "b", "reward": "high"})
    done = run("inspect", "rows.jsonl", content, "reward", "--skip-bad-rows", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    (file,) = found["files"]
    assert (file["rows"], file["used"]) == (23, 20)
    assert file["dropped"] == {"no record": 1, "no reward": 1, "reward is not a finite number": 1}
    told = "rows.jsonl: 3 bad rows left out, the first: ("
    (note,) = (each for each in found["notes"] if each.startswith(told))
    said = ("line 21: no reward", "line 22 is int 3", "line 23: reward is not a finite number")
    places = [note.find(each) for each in said]
    assert -1 not in places and places == sorted(places)


def test_an_encoding_that_is_named_is_read(run):
    content = lines(*GOOD).decode().encode("utf-16")
    done = run("inspect", "rows.jsonl", content, "sft", "--set", "data.encoding=utf-16")
    assert done.exit_code == 0, done.output
