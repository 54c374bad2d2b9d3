"""Likeness of generated answers to their references: token F1, ROUGE, BLEU and chrF, from 0 to 1.

Words are those of words.py, so that Chinese and Japanese are compared by characters; ROUGE and BLEU
come from the field's libraries (rouge-score, sacrebleu).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from trainables.metrics.words import CHINESE, folded, words
from trainables.metrics.written import ASKED, Answer, Values, WrittenMetric, of_references, said

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


def _bleu(answers: Sequence[Answer]) -> float:
    from sacrebleu.metrics import BLEU

    references = [reference for answer in answers for reference in answer.references]
    chinese = any(map(CHINESE.search, references))
    # A single answer may be shorter than the longest n-gram.
    one = len(answers) == 1
    return _corpus_score(BLEU(tokenize="zh" if chinese else "13a", effective_order=one), answers)


def _chrf(answers: Sequence[Answer]) -> float:
    from sacrebleu.metrics import CHRF

    return _corpus_score(CHRF(), answers)


def _corpus_score(metric: Any, answers: Sequence[Answer]) -> float:
    """The library's score of all answers together, which is no mean; from 0 to 1."""
    most = max(len(answer.references) for answer in answers)
    # An answer with fewer references than another repeats its last one.
    streams = [
        [said(answer.references[min(place, len(answer.references) - 1)]) for answer in answers]
        for place in range(most)
    ]
    return float(metric.corpus_score([answer.said for answer in answers], streams).score) / 100


def _each(whole: Callable[[Sequence[Answer]], float]) -> Callable[[Sequence[Answer]], Values]:
    return lambda answers: [whole([answer]) for answer in answers]


TOKEN_F1 = WrittenMetric("eval_token_f1", "max", "share", ASKED, each=of_references(token_f1))
ROUGE_1 = WrittenMetric("eval_rouge_1", "max", "share", ASKED, each=of_references(_rouge("rouge1")))
ROUGE_2 = WrittenMetric("eval_rouge_2", "max", "share", ASKED, each=of_references(_rouge("rouge2")))
ROUGE_L = WrittenMetric("eval_rouge_l", "max", "share", ASKED, each=of_references(_rouge("rougeL")))
BLEU = WrittenMetric("eval_bleu", "max", "share", ASKED, each=_each(_bleu), whole=_bleu)
CHRF = WrittenMetric("eval_chrf", "max", "share", ASKED, each=_each(_chrf), whole=_chrf)
