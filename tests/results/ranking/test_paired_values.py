"""Leads in metrics of answers, against scipy and hand-made tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, ttest_rel

from results.ranking.certainty import LossesError
from results.ranking.paired_values import PromptValues, difference_of_values, load_prompt_values


def values(numbers, prompts=None):
    return PromptValues(np.arange(len(numbers)) if prompts is None else prompts, np.array(numbers))


def test_graded_answers_have_the_standard_error_of_a_paired_t_test():
    draw = np.random.default_rng(0)
    a, b = draw.random(50), draw.random(50)
    found = difference_of_values(values(a), values(b))
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert found.z == pytest.approx(ttest_rel(a, b).statistic)
    assert found.count == 50


def test_right_and_wrong_answers_are_told_apart_by_mcnemars_exact_test():
    """Of 6 prompts that tell them apart, 6 for a: 2 * (1/2)^6 by chance."""
    a, b = [1.0] * 6 + [0.0] * 14, [0.0] * 20
    assert difference_of_values(values(a), values(b)).z == pytest.approx(norm.isf(2**-6))
    assert difference_of_values(values(b), values(a)).z == pytest.approx(-norm.isf(2**-6))
    assert difference_of_values(values(a), values(a)).z == 0


def test_few_lucky_answers_are_no_sure_lead():
    """Five of 200: more than two standard errors, but one chance in sixteen."""
    found = difference_of_values(values([1.0] * 5 + [0.0] * 195), values([0.0] * 200))
    assert found.mean / found.standard_error > 2 > found.z


def test_other_prompts_cannot_be_compared(tmp_path):
    with pytest.raises(LossesError, match="same prompts"):
        difference_of_values(values([1.0, 0.0]), values([1.0, 0.0], prompts=np.array([0, 2])))
    with pytest.raises(LossesError, match="two prompts"):
        difference_of_values(values([1.0]), values([0.0]))


def test_a_file_is_read_or_named(tmp_path):
    path = tmp_path / "values.npz"
    np.savez(path, prompts=[3, 5], eval_contains=[1.0, 0.0])
    assert load_prompt_values(path, "eval_contains").values.tolist() == [1.0, 0.0]
    assert load_prompt_values(path, "eval_bleu") is None
    path.write_bytes(b"no archive")
    with pytest.raises(LossesError, match=r"values\.npz"):
        load_prompt_values(path, "eval_contains")
