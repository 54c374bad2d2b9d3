"""The table of labels and the answers side by side, as a reader of the report sees them."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest
import torch
from finished_sweeps import ended_trial, write_ended
from repeats import repeats, write_repeats
from sklearn.metrics import classification_report

from sweeps.page.labels import labels
from sweeps.page.page import render
from sweeps.verdict.results import Results
from trainables.board.job import ANSWERS, LOSSES
from trainables.losses.classification import Classification
from trainables.losses.several_labels import SeveralLabels
from trainables.metrics.registry import GENERATED
from trainables.metrics.written import Answer, Written
from trainables.training.generation.files import write_answers
from trainables.training.run import write_losses

LABELS = ("spam", "<b>ham</b>", "负面")


class Examples:
    """A validation set of the three labels."""

    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 0], dtype=float)
    marks = np.eye(3, dtype=np.int8)[labels.astype(int)]


def measure(predicted, path, losses=None):
    rows = np.stack([losses if losses is not None else np.full(10, 0.5), predicted], axis=1)
    write_losses(Classification(torch.ones(3), LABELS).scores(rows, Examples()), path)


def classified(home):
    folder = write_ended(home, [ended_trial(0, "complete", {"learning_rate": 1e-4}, 1.0)])
    mine = np.array([0, 0, 1, 1, 2, 2, 2, 2, 1, 1], dtype=float)
    losses = np.array([0.1, 0.1, 0.2, 0.1, 4.0, 0.1, 0.1, 0.1, 1.0, 0.2])
    measure(mine, folder.store.trial_folder(0) / LOSSES, losses)
    return folder, mine


def rows_of(page, section):
    """The cells of each row of a section's tables, as text."""
    part = page[page.index(f'id="{section}"') :]
    part = part[: part.index("</section>")]
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row) for row in re.findall(r"<tr>.*?</tr>", part)]
    return [[html.unescape(re.sub("<[^>]+>", "", cell)) for cell in row] for row in cells]


def test_each_label_has_the_figures_of_scikit_learn(tmp_path):
    folder, mine = classified(tmp_path)
    base = np.zeros(10)
    measure(base, folder.base / LOSSES)
    table = rows_of(render(Results.read(folder)), "labels")[: 1 + len(LABELS)]
    rows = {row[0]: row[1:] for row in table}
    for number, label in enumerate(LABELS):
        wanted = [f"{int((Examples.labels == number).sum())}"]
        for predicted in (mine, base):
            told = classification_report(
                Examples.labels, predicted, output_dict=True, zero_division=0.0
            )[f"{number}.0"]
            wanted += [f"{told[name]:.3f}" for name in ("precision", "recall", "f1-score")]
        assert rows[label] == wanted


def test_the_labels_are_those_of_the_trial_that_wins_by_fresh_seeds(tmp_path):
    rate = {"learning_rate": 1e-4}
    trials = [ended_trial(n, "complete", rate, loss) for n, loss in enumerate((1.0, 1.1))]
    folder = write_ended(tmp_path, trials)
    write_repeats(folder, repeats({0: [2.0, 2.1], 1: [1.0, 1.1]}))
    measure(np.zeros(10), folder.store.trial_folder(0) / LOSSES)
    measure(Examples.labels, folder.store.trial_folder(1) / LOSSES)
    found = labels(Results.read(folder))
    assert found is not None and found.trial == 1
    assert [score.f1 for score, _ in found.rows] == [1.0, 1.0, 1.0]


def test_confusions_come_by_what_they_cost_and_not_by_their_number(tmp_path):
    folder, _ = classified(tmp_path)
    rows = rows_of(render(Results.read(folder)), "labels")
    confusions = rows[rows.index(next(row for row in rows if "predicted as" in row)) + 1 :]
    assert confusions == [
        ["<b>ham</b>", "负面", "1", "4.00", "67%"],
        ["负面", "<b>ham</b>", "1", "1.00", "17%"],
        ["spam", "<b>ham</b>", "2", "0.40", "7%"],
    ]


def test_several_labels_have_figures_and_no_confusions(tmp_path):
    folder = write_ended(tmp_path, [ended_trial(0, "complete", {"learning_rate": 1e-4}, 1.0)])
    loss = SeveralLabels(torch.ones(3), LABELS, 0.5)
    right = np.column_stack([np.full(10, 0.3), Examples.marks])
    write_losses(loss.scores(right, Examples()), folder.store.trial_folder(0) / LOSSES)
    rows = rows_of(render(Results.read(folder)), "labels")
    assert rows[1:] == [
        [label, count, "1.000", "1.000", "1.000"]
        for label, count in zip(LABELS, "424", strict=True)
    ]


@pytest.mark.parametrize("content", [None, b"", b"PK no zip"])
def test_a_report_without_labels_or_with_a_broken_file_has_no_table(tmp_path, content):
    folder = write_ended(tmp_path, [ended_trial(0, "complete", {"learning_rate": 1e-4}, 1.0)])
    if content is not None:
        folder.store.trial_folder(0).mkdir(parents=True, exist_ok=True)
        (folder.store.trial_folder(0) / LOSSES).write_bytes(content)
    assert 'id="labels"' not in render(Results.read(folder))


def answer(folder, *texts):
    answers = tuple(
        Answer(number, f"Question {number}?", text, ("<i>6</i>",), 3, True)
        for number, text in enumerate(texts)
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_answers(Written(answers, (GENERATED["eval_exact_match"],)), folder / ANSWERS)


def test_answers_stand_side_by_side_those_that_differ_first(tmp_path):
    folder = write_ended(tmp_path, [ended_trial(3, "complete", {"learning_rate": 1e-4}, 1.0)])
    answer(folder.base, "same", "<script>alert(1)</script>")
    answer(folder.store.trial_folder(3), "same", "")
    page = render(Results.read(folder))
    part = page[page.index('id="answers"') :]
    text = html.unescape(re.sub(r"<[^>]+>", "\n", part[: part.index("</section>")]))
    words = [line.strip() for line in text.splitlines() if line.strip()]
    assert words[words.index("Prompt 1") :] == [
        "Prompt 1", "Question 1?", "reference", "<i>6</i>", "base", "<script>alert(1)</script>",
        "exact_match 0", "trial 3", "(empty)", "exact_match 0",
        "Prompt 0", "Question 0?", "reference", "<i>6</i>", "base", "same", "exact_match 0",
        "trial 3", "same", "exact_match 0",
    ]  # fmt: skip
