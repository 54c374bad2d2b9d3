from __future__ import annotations

import json
import re

import numpy as np
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from sweeps.cli.app import app
from sweeps.home.home import SweepHome
from sweeps.report.inspect_report import WIDTH, report
from sweeps.run.inspection import histogram, inspect
from sweeps.spec.spec import SweepSpec


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tokenizer of words, which is all of a model that is needed here."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = ["?", "</s>", "what", "is", "yes", "no", "[bold]", "User", "Assistant", "#", ":"]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>").save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 64}')
    return str(folder)


@pytest.fixture
def spec_for(model, tmp_path):
    """Writes rows and a sweep file over them."""

    def write(rows, objective, **data):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        tree = {
            "model": model,
            "objective": objective,
            "data": {"train": str(path), "validation": 0.2, **data},
            "budget": {"trials": 1},
            "space": {"learning_rate": {"choice": [1e-3]}},
        }
        spec = tmp_path / "spec.yaml"
        spec.write_text(yaml.safe_dump(tree))
        return spec

    return write


def run(spec, home, *options):
    return CliRunner().invoke(app, ["inspect", str(spec), "--home", str(home), *options])


CHATS = [{"prompt": "what " * (n % 5 + 1), "completion": "yes"} for n in range(20)]
PAIRS = [{"prompt": "what " * n, "chosen": "yes yes", "rejected": "no"} for n in range(1, 21)]


def test_it_shows_formats_counts_sizes_lengths_and_samples(spec_for, tmp_path):
    rows = [*CHATS, {"prompt": "what", "completion": ""}]
    done = run(spec_for(rows, "sft", test=0.2), tmp_path, "--skip-bad-rows")
    assert done.exit_code == 0, done.output
    for expected in (
        "rows.jsonl  prompt_completion    21    20  1 empty answer (first: line 21)",
        "train             12",
        "validation         4",
        "test               4",
        "15 duplicates",
        "tokens of the training sequences (at most 64)",
        "sample 3, trained: [[ ]]",
        "[[ yes </s>]]",
    ):
        assert expected in done.output
    assert max(map(len, done.output.splitlines())) <= WIDTH


def test_packing_is_told_in_words_and_as_numbers(spec_for, tmp_path):
    spec = spec_for(CHATS, "sft", packing=True, max_length=64)
    told = "train: 16 examples packed into 3 sequences of at most 64 tokens, "
    assert told in run(spec, tmp_path).output
    sets = json.loads(run(spec, tmp_path, "--json").output)["sets"]
    assert [sets[name]["packs"] for name in ("train", "validation")] == [3, 0]


def test_pairs_show_both_answers(spec_for, tmp_path):
    output = run(spec_for(PAIRS, "dpo"), tmp_path).output
    lines = [line.rstrip() for line in output.splitlines()]
    first = lines.index("chosen")
    assert lines[first - 2] == "prompt"
    assert lines[first : first + 4] == [
        "chosen",
        "  [[ yes yes </s>]]",
        "rejected",
        "  [[ no </s>]]",
    ]


def test_of_prompts_no_answer_is_said_to_be_trained(spec_for, tmp_path):
    """Reinforcement learning trains on the model's own answers."""
    rl = ("--set", "rl.rewards={eval_ended: 1.0}", "--set", "evaluation.max_new_tokens=8")
    answered = run(spec_for(CHATS, "grpo"), tmp_path / "home", *rl)
    assert answered.exit_code == 0, answered.output
    assert "prompt\n" in answered.stdout and "right answer\n  yes" in answered.stdout
    bare = [{"prompt": row["prompt"]} for row in CHATS]
    unanswered = run(spec_for(bare, "grpo"), tmp_path / "home", *rl)
    assert unanswered.exit_code == 0, unanswered.output
    assert "prompt\n" in unanswered.stdout and "right answer" not in unanswered.stdout
    for shown in (answered.stdout, unanswered.stdout):
        assert "trained" not in shown and "scored" not in shown and "[[" not in shown


@pytest.mark.parametrize(
    ("objective", "more", "shown"),
    [
        ("classification", lambda n: {"label": "[bold]" if n % 2 else "x"}, "[bold]: 8, x: 8"),
        ("reward", lambda n: {"reward": 1 + n % 2}, "1 to 2, mean 1."),
        ("kto", lambda n: {"completion": "yes", "label": n < 10}, "sample 1, judged good"),
    ],
)
def test_labels_and_rewards_are_counted(spec_for, tmp_path, objective, more, shown):
    asked = "prompt" if objective == "kto" else "text"
    rows = [{asked: "what " * (n + 1), **more(n)} for n in range(20)]
    done = run(spec_for(rows, objective), tmp_path)
    assert shown in done.output


def test_json_has_the_promised_keys_and_agrees_with_the_summary(spec_for, tmp_path):
    found = json.loads(run(spec_for(CHATS, "sft"), tmp_path, "--json").stdout)
    assert list(found) == [
        "objective", "format", "files", "sets", "labels", "target", "max_length", "duplicates",
        "truncated", "notes", "lengths", "samples",
    ]  # fmt: skip
    assert found["files"][0]["used"] == 20
    assert sum(bar["sequences"] for bar in found["lengths"]) == found["sets"]["train"]["sequences"]
    assert [stretch[1] for stretch in found["samples"][0]["texts"]["text"]] == [False, True]


@pytest.mark.parametrize(
    ("rows", "objective", "said"),
    [
        (
            [{"text": "a", "label": 1}],
            "sft",
            "holds labelled texts .*set objective: classification",
        ),
        ([{"topic": 1}], "sft", "line 1 has the fields: topic"),
        (CHATS[:1], "sft", "cannot be split"),
    ],
)
def test_data_that_cannot_be_used_are_one_message_and_exit_code_2(
    spec_for, tmp_path, rows, objective, said
):
    done = run(spec_for(rows, objective), tmp_path)
    assert done.exit_code == 2
    assert re.search(said, done.stderr) and "Traceback" not in done.output


def test_the_toy_objective_has_nothing_to_inspect(tmp_path):
    done = run("sweeps/recipes/toy.yaml", tmp_path)
    assert done.exit_code == 2 and "reads no data" in done.stderr


def test_data_do_not_command_the_terminal(spec_for, tmp_path):
    texts = ["what \x1b]0;pwn\x07", "is\x1b[2J \x9b2J", "yes\u202e no"]
    rows = [{"text": f"{text} {n}", "label": f"{text[:6]}\x1b"} for n in range(8) for text in texts]
    for options in ((), ("--json",)):
        done = run(spec_for(rows, "classification"), tmp_path, *options)
        assert done.exit_code == 0
        assert done.stdout.replace("\n", "").isprintable()
    assert r"\x1b" in run(spec_for(rows, "classification"), tmp_path).stdout


def test_a_terminal_with_few_letters_gets_the_others_written_out(spec_for, tmp_path):
    texts = [f"{'what ' * n}no" for n in range(8)]
    spec = spec_for(
        [{"text": t, "label": "中\u202e😀"[n % 3 :]} for n, t in enumerate(texts)], "classification"
    )
    few = CliRunner(charset="ascii")
    done = few.invoke(app, ["inspect", str(spec), "--home", str(tmp_path)])
    assert done.exit_code == 0 and r"\u4e2d\u202e\U0001f600: " in done.stdout
    done = few.invoke(app, ["inspect", str(spec), "--home", str(tmp_path), "--json"])
    assert "中\u202e😀" in json.loads(done.stdout)["labels"]


def test_a_terminal_shows_what_is_trained_by_its_style(spec_for, tmp_path):
    inspection = inspect(SweepSpec.load(spec_for(CHATS, "sft")), SweepHome(tmp_path))
    console = Console(force_terminal=True, width=WIDTH, color_system="standard")
    with console.capture() as captured:
        console.print(report(inspection, console), highlight=False)
    assert "\x1b[1;32m yes </s>\x1b[0m" in captured.get()
    assert "[[" not in captured.get()


@pytest.mark.parametrize(
    ("lengths", "bars"),
    [
        ([5, 5, 5], [(5, 5, 3)]),
        ([1, 2, 2, 3], [(1, 1, 1), (2, 2, 2), (3, 3, 1)]),
        ([10, 30, 29, 20], [(10, 16, 1), (17, 23, 1), (24, 30, 2)]),
    ],
)
def test_lengths_are_counted_in_bars_of_equal_width(lengths, bars):
    found = histogram(np.array(lengths), bars=3)
    assert [(bar.low, bar.high, bar.sequences) for bar in found] == bars


def test_it_notes_what_a_launch_would(spec_for, tmp_path):
    spec = spec_for(CHATS, "sft")
    asked = ("--set", "budget.steps=2", "--set", "budget.evaluations=3")
    told = "budget.evaluations 3 is more than budget.steps 2"
    assert told in run(spec, tmp_path, *asked).stdout
    notes = json.loads(run(spec, tmp_path, *asked, "--json").stdout)["notes"]
    assert [note for note in notes if told in note]
    assert told not in run(spec, tmp_path).stdout
