"""`sweep samples`: the same prompts, answered by the base and by trials."""

from __future__ import annotations

import io
import json
import re

import pytest
from live_samples import sweep, trial
from rich.console import Console
from typer.testing import CliRunner

from results.records.samples import SAMPLES as PLACE
from sweeps.base.errors import SweepError
from sweeps.cli.app import app
from sweeps.home.home import SweepHome
from sweeps.report.samples import WIDTH, samples_report
from sweeps.verdict.samples import find_samples, heads
from trainables.board.job import ANSWERS
from trainables.metrics.registry import GENERATED
from trainables.metrics.written import Answer, Written
from trainables.training.generation.files import SAMPLES, write_answers

QUESTIONS = {4: "What is 2 + 2?", 9: "What is 3 + 3? " + "Please. " * 200, 11: "Say \x1b[31mred"}
METRICS = (GENERATED["eval_exact_match"], GENERATED["eval_ended"])


def write(folder, texts):
    answers = tuple(
        Answer(number, QUESTIONS[number], text, ("6",), len(text), ended=text != "cut")
        for number, text in zip(QUESTIONS, texts, strict=True)
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_answers(Written(answers, METRICS), folder / ANSWERS)


@pytest.fixture
def folder(tmp_path):
    found = SweepHome(tmp_path).sweep("alpaca-lora")
    found.store.write_sweep(sweep(state="complete"))
    for number, (loss, texts) in enumerate(
        [(2.0, ["4", "6", "cut"]), (1.0, ["4", "7", "\x1b[31m红"]), (3.0, ["5", "6", "red"])]
    ):
        found.store.write_trial(trial(number, "complete", loss))
        write(found.store.trial_folder(number), texts)
    write(found.base, ["4", "", "red"])
    return found


def shown(folder, goals=()):
    samples = find_samples(folder)
    console = Console(file=io.StringIO(), width=WIDTH)
    console.print(samples_report(samples, heads(folder, samples), goals))
    return console.file.getvalue()


def test_the_best_trials_and_the_base_are_shown_side_by_side(folder):
    samples = find_samples(folder)
    assert list(samples) == ["base", "trial 1", "trial 0"]
    text = shown(folder)
    assert max(map(len, text.splitlines())) <= WIDTH
    first = text[text.index("prompt 9") :]
    assert first.index("reference") < first.index("base") < first.index("trial 1")
    assert "(empty)" in text and "exact_match 1\n" in "".join(
        f"{each.strip()}\n" for each in text.splitlines()
    )
    assert "ended 1" not in text.partition("prompt 11")[0]  # all of them did
    assert "characters" in text and "cut off at max_new_tokens" in text
    assert "\x1b" not in text and "红" in text


def test_each_trial_is_introduced_and_has_the_searched_metric(folder):
    head, *prompts = re.split(r"^prompt \d+", shown(folder, goals=("eval_ended",)), flags=re.M)
    assert "base     the untouched model" in head
    assert "schedule wsd" in head and "differs from the base in 2 of 3" in " ".join(head.split())
    assert len(prompts) == 3 and all("ended 1" in each for each in prompts)


def test_a_running_sweep_has_no_answers_yet(tmp_path):
    found = SweepHome(tmp_path).sweep("alpaca-lora")
    found.store.write_sweep(sweep())
    with (
        found.held(),
        pytest.raises(SweepError, match="no generated answers yet: the base's come once it is"),
    ):
        find_samples(found)


def test_trials_and_prompts_can_be_chosen(folder):
    assert list(find_samples(folder, [2])) == ["base", "trial 2"]
    assert set(find_samples(folder, prompt="2 + 2")["base"]) == {4}
    assert set(find_samples(folder, [1], only_differing=True)["base"]) == {9, 11}


def test_a_text_in_no_prompt_gets_a_way_out(folder):
    with pytest.raises(SweepError, match=r"none of the 3 prompts has 'nowhere' in it; leave --pro"):
        find_samples(folder, prompt="nowhere")
    with pytest.raises(SweepError, match=r"the first begins 'What is 2 \+ 2\?'"):
        find_samples(folder, prompt="nowhere")
    with pytest.raises(SweepError, match=r"has '2 \+ 2' in it and answers that differ; leave"):
        find_samples(folder, [1], prompt="2 + 2", only_differing=True)
    with pytest.raises(
        SweepError, match="answers to all 3 prompts are the same; leave --only-diff"
    ):
        same = find_samples(folder, [2])["trial 2"]
        write(folder.base, [each.answer for each in same.values()])
        find_samples(folder, [2], only_differing=True)


def test_unknown_trials_are_told_from_those_without_answers(folder):
    with pytest.raises(SweepError, match="alpaca-lora has no trial 7; its trials are 0 to 2"):
        find_samples(folder, [1, 7])
    folder.store.write_trial(trial(3, "running", 5.0))
    with pytest.raises(SweepError, match=r"trial 3 left no generated answers, .*: trial 1 did"):
        find_samples(folder, [1, 3])


def test_a_sweep_without_answers_says_how_to_have_some(tmp_path):
    found = SweepHome(tmp_path).sweep("alpaca-lora")
    found.store.write_sweep(sweep(state="complete"))
    with pytest.raises(SweepError, match=r"name metrics of them in evaluation\.metrics"):
        find_samples(found)


def test_the_command_prints_lines_for_scripts(folder, tmp_path):
    arguments = ["samples", "alpaca-lora", "--home", str(tmp_path), "--trials", "1"]
    done = CliRunner().invoke(app, [*arguments, "--jsonl"])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["trial"] for each in lines] == [None] * 3 + [1] * 3
    assert lines[4]["answer"] == "7" and lines[4]["values"]["eval_exact_match"] == 0
    wrong = CliRunner().invoke(app, [*arguments[:-1], "one"])
    assert wrong.exit_code == 2 and "--trials 'one'" in wrong.output


def test_the_answers_to_wanted_prompts_are_kept(tmp_path):
    asked = [*QUESTIONS.values(), *(f"Count to {n}." for n in range(40))]
    answers = tuple(Answer(n, text, "7", ("6",), 1, True) for n, text in enumerate(asked))
    for texts, kept in ((("COUNT TO 3",), 11), ((), 20), (("to",), 20), (("nowhere",), 20)):
        write_answers(Written(answers, METRICS, samples=texts), tmp_path / "answers")
        lines = (tmp_path / "answers" / SAMPLES).read_text().splitlines()
        prompts = [json.loads(line)["prompt"] for line in lines]
        assert len(prompts) == kept, texts
        if texts[:1] == ("COUNT TO 3",):
            assert prompts == ["Count to 3.", *(f"Count to {n}." for n in range(30, 40))]


def test_the_records_find_what_trials_write():
    assert f"{ANSWERS}/{SAMPLES}" == PLACE


def test_answers_with_the_line_breaks_of_other_scripts_are_one_line_each(folder):
    texts = ["four\u2028five", "six\x85seven", "八\u2029\r\n九"]
    write(folder.store.trial_folder(1), texts)
    samples = find_samples(folder, [1])["trial 1"]
    assert [each.answer for each in samples.values()] == texts
