"""Classification by generation: the reference answers are the labels."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.metrics.matching import EXACT_MATCH
from trainables.metrics.words import normal
from trainables.metrics.written import ASKED, Answer, WrittenMetric, said


def _macro_f1(answers: Sequence[Answer]) -> float:
    """The mean F1 over the labels that are references; any other answer is none of them."""
    from sklearn.metrics import f1_score

    truth, given = zip(*map(_labels, answers), strict=True)
    labels = sorted(set(truth))
    return float(f1_score(truth, given, labels=labels, average="macro", zero_division=0.0))


def _labels(answer: Answer) -> tuple[str, str]:
    """The right label and the given one; of several right ones the given, else the first."""
    given, right = normal(answer.said), [normal(said(each)) for each in answer.references]
    return (given if given in right else right[0]), given


MACRO_F1 = WrittenMetric(
    "eval_answer_macro_f1", "max", "share", ASKED, each=EXACT_MATCH.each, whole=_macro_f1
)
