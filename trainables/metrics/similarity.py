"""Likeness of generated answers to their references: token F1, ROUGE, BLEU and chrF, from 0 to 1.

Words are those of words.py, so that Chinese and Japanese are compared by characters; ROUGE and BLEU
come from the field's libraries (rouge-score, sacrebleu).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from trainables.metrics.words import CHINESE, folded, words
from trainables.metrics.written import (
    ASKED,
    Answer,
    Values,
    Whole,
    WrittenMetric,
    of_references,
    said,
)

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

_ARTICLES = {"a", "an", "the"}


def token_f1(text: str, reference: str) -> float:
    """SQuAD's F1 of the two bags of words, without English articles."""
    mine, theirs = (
        [word for word in words(each) if word not in _ARTICLES] for each in (text, reference)
    )
    if not mine or not theirs:
        return float(mine == theirs)
    shared = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * shared / (len(mine) + len(theirs))


def _rouge(kind: str) -> Callable[[str, str], float]:
    def score(text: str, reference: str) -> float:
        # rouge-score's own tokenizer keeps only a to z and 0 to 9.
        scorer = _rouge_scorer(kind, folded(reference).isascii())
        return float(scorer.score(reference, text)[kind].fmeasure)

    return score


@cache
def _rouge_scorer(kind: str, ascii_only: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([kind], tokenizer=None if ascii_only else _Words())


class _Words:
    """Our words, as a tokenizer of rouge-score."""

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        return words(text)


def _bleu_rows(answers: Sequence[Answer]) -> Floats:
    from sacrebleu.metrics import BLEU

    references = [reference for answer in answers for reference in answer.references]
    chinese = any(map(CHINESE.search, references))
    return _statistics(BLEU(tokenize="zh" if chinese else "13a"), answers)


def _bleu(rows: Floats) -> float:
    from sacrebleu.metrics import BLEU

    # A single answer may be shorter than the longest n-gram.
    return _score(BLEU(effective_order=len(rows) == 1), rows)


def _chrf_rows(answers: Sequence[Answer]) -> Floats:
    from sacrebleu.metrics import CHRF

    return _statistics(CHRF(), answers)


def _chrf(rows: Floats) -> float:
    from sacrebleu.metrics import CHRF

    return _score(CHRF(), rows)


def _statistics(metric: Any, answers: Sequence[Answer]) -> Floats:
    """Each answer's counts of n-grams, as sacrebleu adds them up, in its bootstraps too."""
    import numpy as np

    most = max(len(answer.references) for answer in answers)
    # An answer with fewer references than another repeats its last one.
    streams = [
        [said(answer.references[min(place, len(answer.references) - 1)]) for answer in answers]
        for place in range(most)
    ]
    texts = [answer.said for answer in answers]
    return np.array(metric._extract_corpus_statistics(texts, streams), np.float64)


def _score(metric: Any, rows: Floats) -> float:
    """The library's score of all answers together, which is no mean; from 0 to 1."""
    return float(metric._compute_score_from_stats(rows.sum(0).astype(int).tolist()).score) / 100


def _each(whole: Whole) -> Callable[[Sequence[Answer]], Values]:
    return lambda answers: [whole.of([answer]) for answer in answers]


_BLEU = Whole(_bleu_rows, _bleu)
_CHRF = Whole(_chrf_rows, _chrf)


TOKEN_F1 = WrittenMetric("eval_token_f1", "max", "share", ASKED, each=of_references(token_f1))
ROUGE_1 = WrittenMetric("eval_rouge_1", "max", "share", ASKED, each=of_references(_rouge("rouge1")))
ROUGE_2 = WrittenMetric("eval_rouge_2", "max", "share", ASKED, each=of_references(_rouge("rouge2")))
ROUGE_L = WrittenMetric("eval_rouge_l", "max", "share", ASKED, each=of_references(_rouge("rougeL")))
BLEU = WrittenMetric("eval_bleu", "max", "share", ASKED, each=_each(_BLEU), whole=_BLEU)
CHRF = WrittenMetric("eval_chrf", "max", "share", ASKED, each=_each(_CHRF), whole=_CHRF)
