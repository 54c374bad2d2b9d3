"""Long errors: what they quote is cut, the way out never."""

from __future__ import annotations

import pytest

from results.ranking.reason_text import LONGEST, shortened
from trainables.training.rollouts.health import no_difference

WAY_OUT = "a reward must be a finite number"


@pytest.mark.parametrize("cut", [0.0, 0.9])
def test_why_nothing_was_learned_is_never_cut(cut):
    whole = f"in 10 rollouts in a row {no_difference(cut, 100_000)}"
    assert shortened(whole) == whole


def test_what_is_quoted_is_cut_in_its_middle_and_the_longest_first():
    answer = "so " * 900 + "63"
    said = f"rl.rewards: eval_own is nan for the answer '{answer}' to 'What is 32+31?'; {WAY_OUT}"
    short = shortened(said)
    assert len(short) <= LONGEST and short.endswith(f"63' to 'What is 32+31?'; {WAY_OUT}")
    assert short.startswith("rl.rewards: eval_own is nan for the answer 'so so ")


def test_several_quoted_texts_are_cut_before_anything_else():
    said = f"nan for '{'a' * 600}' to '{'b' * 600}'; {WAY_OUT}"
    short = shortened(said)
    assert len(short) <= LONGEST and short.endswith(f"b'; {WAY_OUT}") and "a…a" in short


def test_a_line_that_quotes_nothing_keeps_its_last_clause():
    short = shortened(f"{'word ' * 300}; lower learning_rate")
    assert len(short) <= LONGEST and short.endswith("…; lower learning_rate")


def test_a_line_without_clauses_keeps_both_ends():
    short = shortened("begin" + "x" * 999 + "end")
    assert len(short) == LONGEST and short.startswith("begin") and short.endswith("end")


def test_an_apostrophe_is_no_quote():
    said = f"it doesn't fit, and {'word ' * 200}it's over; lower batch_size"
    assert shortened(said).endswith("; lower batch_size")
