"""Leads in metrics of all answers together: BLEU, chrF and the macro F1 of labels."""

from __future__ import annotations

import numpy as np
import pytest
import sacrebleu
from sklearn.metrics import f1_score

from sweeps.verdict.paired import between
from trainables.board.job import ANSWERS
from trainables.metrics.answer_labels import MACRO_F1
from trainables.metrics.similarity import BLEU, CHRF
from trainables.metrics.written import Answer, Written
from trainables.training.generation.files import VALUES, write_answers

LABELS = ["good", "bad", "none"]


def answered(folder, texts, references, first=0):
    """A trial's folder with its answers' values, as a slot writes them."""
    answers = tuple(
        Answer(place, "", text, (reference,), len(text.split()), True)
        for place, (text, reference) in enumerate(zip(texts, references, strict=True), first)
    )
    write_answers(Written(answers, (BLEU, CHRF, MACRO_F1)), folder / ANSWERS)
    return folder


def labels(draw, count, right):
    """Labels, and guesses of which a share is right, and some are no label."""
    truth = draw.choice(LABELS, count, p=[0.6, 0.3, 0.1])
    guesses = np.where(draw.random(count) < right, truth, draw.choice([*LABELS, "what"], count))
    return truth, guesses


def macro(truth, guesses):
    return f1_score(truth, guesses, labels=LABELS, average="macro")


def test_a_lead_in_macro_f1_has_the_spread_of_new_samples(tmp_path):
    draw = np.random.default_rng(0)
    truth, mine = labels(draw, 300, 0.8)
    theirs = draw.choice(LABELS, 300)
    a, b = answered(tmp_path / "a", mine, truth), answered(tmp_path / "b", theirs, truth)
    found = between("eval_answer_macro_f1", a, b)
    assert found.mean == pytest.approx(macro(truth, mine) - macro(truth, theirs))
    new = []
    for _ in range(300):
        truth, mine = labels(draw, 300, 0.8)
        new.append(macro(truth, mine) - macro(truth, draw.choice(LABELS, 300)))
    assert found.standard_error == pytest.approx(np.std(new), rel=0.25)
    assert found.z > 5 and found.count == 300


@pytest.mark.parametrize("name", ["eval_bleu", "eval_chrf"])
def test_a_lead_in_sacrebleus_scores_is_theirs_and_sure_if_it_is_large(tmp_path, name):
    draw = np.random.default_rng(1)
    words = ["river", "bank", "of", "a", "small", "town", "lies", "on", "its", "left", "side"]
    references = [" ".join(draw.choice(words, 12)) for _ in range(60)]
    spoilt = {share: [_spoilt(draw, text, share) for text in references] for share in (0.1, 0.3)}
    a, b = (answered(tmp_path / str(n), each, references) for n, each in spoilt.items())
    found = between(name, a, b)
    score = {"eval_bleu": sacrebleu.corpus_bleu, "eval_chrf": sacrebleu.corpus_chrf}[name]
    good, bad = (score(texts, [references]).score / 100 for texts in spoilt.values())
    assert found.mean == pytest.approx(good - bad) and found.z > 4
    other = [_spoilt(draw, text, 0.1) for text in references]
    even = between(name, a, answered(tmp_path / "c", other, references))
    assert abs(even.z) < 3 and even.standard_error < found.mean


def _spoilt(draw, text, share):
    return " ".join(word if draw.random() > share else "so" for word in text.split())


def test_answers_to_other_prompts_and_of_older_sweeps_are_not_compared(tmp_path):
    truth, guesses = labels(np.random.default_rng(2), 20, 0.5)
    a = answered(tmp_path / "a", guesses, truth)
    b = answered(tmp_path / "b", guesses, truth, first=1)
    assert between("eval_answer_macro_f1", a, b) is None
    np.savez(b / ANSWERS / VALUES, prompts=np.arange(20))
    assert between("eval_answer_macro_f1", a, b) is None
    (b / ANSWERS / VALUES).unlink()
    assert between("eval_bleu", a, b) is None
