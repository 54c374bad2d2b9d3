"""Classification by generation: the reference answers are the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.metrics.matching import EXACT_MATCH
from trainables.metrics.words import normal
from trainables.metrics.written import ASKED, Answer, Whole, WrittenMetric, said

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

_OTHER = -1
"""The code of an answer that is no label."""


def _codes(answers: Sequence[Answer]) -> Floats:
    """The codes of each answer's right label and of the given one.

    Of several right labels it is the given one, else the first.
    """
    import numpy as np

    right = [[normal(said(each)) for each in answer.references] for answer in answers]
    codes = {label: n for n, label in enumerate(sorted({each for some in right for each in some}))}
    given = [normal(answer.said) for answer in answers]
    truth = [own if own in some else some[0] for own, some in zip(given, right, strict=True)]
    pairs = zip(truth, given, strict=True)
    return np.array([(codes[label], codes.get(own, _OTHER)) for label, own in pairs], np.float64)


def _macro_f1(codes: Floats) -> float:
    """The mean of the right labels' F1: twice the hits, per time that a label is right or given."""
    import numpy as np

    truth, given = codes.T.astype(int)
    count = int(codes.max()) + 1
    hits, right = (np.bincount(each, minlength=count) for each in (truth[truth == given], truth))
    answered = np.bincount(given[given != _OTHER], minlength=count)
    present = right > 0
    return float((2 * hits[present] / (right + answered)[present]).mean())


MACRO_F1 = WrittenMetric(
    "eval_answer_macro_f1",
    "max",
    "share",
    ASKED,
    each=EXACT_MATCH.each,
    whole=Whole(_codes, _macro_f1),
)
