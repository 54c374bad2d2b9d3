"""How mistakes read."""

import pickle

import pytest

from search_spaces.problem import DomainError, Problem, SpaceError, did_you_mean, noting


def test_a_problem_reads_as_place_message_and_remedy():
    assert str(Problem("lora.rank", "is odd", "use 8")) == "lora.rank: is odd; use 8"
    assert str(Problem("lora.rank", "is odd")) == "lora.rank: is odd"


def test_a_problem_of_a_part_is_placed_inside_of_the_whole():
    assert Problem("lora.rank", "is odd", "use 8").under("space").place == "space.lora.rank"
    assert Problem("", "is missing").under("space") == Problem("space", "is missing")


def test_an_error_reads_as_one_line_for_each_problem():
    error = SpaceError([Problem("a", "is wrong", "fix it"), Problem("b", "is odd")])
    assert str(error) == "a: is wrong; fix it\nb: is odd"


@pytest.mark.parametrize("error", [SpaceError([Problem("a", "b", "c")]), DomainError("a", "b")])
def test_errors_survive_the_way_between_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_noting_keeps_domain_errors_and_nothing_else():
    problems = []
    with noting(problems, "x"):
        raise DomainError("is wrong", "fix it")
    assert problems == [Problem("x", "is wrong", "fix it")]
    with pytest.raises(KeyError), noting(problems, "x"):
        raise KeyError


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("learning_rte", "did you mean learning_rate?"),
        ("rank", "did you mean lora.rank?"),
        ("zzz", "known: learning_rate, lora.rank"),
    ],
)
def test_an_unknown_word_leads_to_the_known_ones(word, remedy):
    assert did_you_mean(word, ["learning_rate", "lora.rank"]) == remedy
