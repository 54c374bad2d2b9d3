"""The prompts that are asked: a fixed random subset, with those that a user wants to read."""

from __future__ import annotations

import numpy as np
import pytest

from trainables.data.tokens.prompts import MOST_SAMPLES, Prompt, Prompts, write_prompts


@pytest.fixture
def prompts(tmp_path):
    asked = [Prompt(np.array([1, 2]), f"What is {n}?", ("x",)) for n in range(100)]
    write_prompts(tmp_path, asked, [2])
    return Prompts(tmp_path)


def test_wanted_prompts_are_among_the_asked_and_take_the_place_of_others(prompts):
    plain, wanted = prompts.chosen(10, 3), prompts.chosen(10, 3, ["IS 42?", "is 7?"])
    assert len(wanted) == 10 and wanted == sorted(wanted)
    assert {7, 42} <= set(wanted)
    assert len(set(plain) - set(wanted)) == len({7, 42} - set(plain))
    assert prompts.chosen(10, 3, ["nowhere"]) == plain
    assert prompts.chosen(1000, 3, ["is 7?"]) == [*range(100)]


def test_a_text_of_all_prompts_leaves_the_draw_random(prompts):
    chosen = prompts.chosen(50, 3, ["what"])
    assert chosen[:MOST_SAMPLES] == [*range(MOST_SAMPLES)]
    assert chosen[MOST_SAMPLES:] != [*range(MOST_SAMPLES, 50)]
