"""What a domain refuses, contains and enumerates."""

import itertools
import math

import pytest
from hypothesis import given, settings
from space_strategies import domains, ints, stepped_floats

from search_spaces.domains import Choice, Float, Int
from search_spaces.problem import DomainError


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Float(0.1, 0.001, log=True),
            "log_uniform [0.1, 0.001] has low above high; swap them",
        ),
        (
            lambda: Float(-1e308, 1e308),
            "uniform [-1e+308, 1e+308] spans more than the largest number; narrow its bounds",
        ),
        (
            lambda: Float(0, 9e307, step=8e307),
            "quantized [0.0, 9e+307, 8e+307] does not reach its high in whole steps; make high "
            "8e+307 or 1.6e+308",
        ),
        (
            lambda: Float(0, 1.2e308, step=1e308),
            "quantized [0.0, 1.2e+308, 1e+308] does not reach its high in whole steps; make high "
            "1e+308",
        ),
        (lambda: Int(8, 4), "int [8, 4] has low above high; swap them"),
        (
            lambda: Float(math.nan, 1.0),
            "uniform [nan, 1.0] has a low of nan, not a finite number",
        ),
        (
            lambda: Float(0.0, math.inf),
            "uniform [0.0, inf] has a high of inf, not a finite number",
        ),
        (lambda: Float(False, 1.0), "uniform [false, 1.0] has a low of false, not a finite number"),
        (lambda: Float("low", 1), "uniform [low, 1] has a low of low, not a finite number"),
        (lambda: Float(None, 1), "uniform [null, 1] has a low of null, not a finite number"),
        (
            lambda: Float(0.0, 0.1, log=True),
            "log_uniform [0.0, 0.1] has a low of 0.0; a log scale starts above 0",
        ),
        (lambda: Int(0, 8, log=True), "log_int [0, 8] has a low of 0; a log scale starts above 0"),
        (
            lambda: Float(0.1, 0.3, log=True, step=0.1),
            "log_uniform [0.1, 0.3] has a step of 0.1 on a log scale; remove it, or use uniform",
        ),
        (
            lambda: Int(2, 8, log=True, step=2),
            "log_int [2, 8], step 2 has a step of 2 on a log scale; remove it, or use int",
        ),
        (
            lambda: Float(0, 1, step=0),
            "quantized [0.0, 1.0, 0.0] has a step of 0.0; make it positive",
        ),
        (lambda: Int(0, 8, step=-2), "int [0, 8], step -2 has a step of -2; make it positive"),
        (
            lambda: Float(0.0, 0.2, step=0.15),
            "quantized [0.0, 0.2, 0.15] does not reach its high in whole steps; "
            "make high 0.15 or 0.3",
        ),
        (
            lambda: Int(4, 63, step=4),
            "int [4, 63], step 4 does not reach its high in whole steps; make high 60 or 64",
        ),
        (
            lambda: Float(1e6, 1e6 + 1e-3, step=1e-3),
            "quantized [1000000.0, 1000000.001, 0.001] has a step too small to distinguish values; "
            "remove step",
        ),
        (lambda: Int(1, 2.5), "int [1, 2.5] has a high of 2.5, not a whole number"),
        (lambda: Int(True, 2), "int [true, 2] has a low of true, not a whole number"),
        (lambda: Choice(()), "choice [] has no options; list at least one"),
        (lambda: Choice("abc"), "choice abc is not a tuple of options"),
        (
            lambda: Choice(("a", "b", "a")),
            "choice [a, b, a] lists a and a, which are equal; keep one of them",
        ),
        (
            lambda: Choice((1, True)),
            "choice [1, true] lists 1 and true, which are equal; keep one of them",
        ),
        (
            lambda: Choice((1, 1.0)),
            "choice [1, 1.0] lists 1 and 1.0, which are equal; keep one of them",
        ),
        (
            lambda: Choice(([1],)),
            "choice has the option [1] of type list; "
            "options are null, true, false, numbers, strings, or lists of these",
        ),
        (
            lambda: Choice((("a", {}),)),
            "choice has the option {} of type dict; "
            "options are null, true, false, numbers, strings, or lists of these",
        ),
        (lambda: Choice((math.nan,)), "choice has the option nan; options must be finite"),
    ],
)
def test_nonsense_is_refused_at_birth_and_the_numbers_are_repeated(build, message):
    with pytest.raises(DomainError) as caught:
        build()
    assert str(caught.value) == message


def test_whole_numbers_that_a_float_cannot_hold_are_refused():
    assert Int(0, 2**53).high == 2**53
    with pytest.raises(DomainError, match="9007199254740993"):
        Int(0, 2**53 + 1)
    with pytest.raises(DomainError, match="not a finite number"):
        Float(0, 10**400)


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Float(0.1, 0.3), [0.1, 0.2, 0.3], [0.09, 0.31, math.nan, math.inf, "0.2", None]),
        (Float(0, 2), [0, 1, 2, 2.0], [True, False, 10**400]),
        (Float(0.5, 0.5), [0.5], [0.4999, 0.5001]),
        (Float(0.0, 0.2, step=0.05), [0, 0.15, 3 * 0.05, 0.2], [0.14, 0.1501, 0.25, -0.05]),
        (Float(0.1, 0.7, step=0.2), [0.1, 0.1 + 3 * 0.2, 0.7], [0.2, 0.9]),
        (Int(4, 64, step=4), [4, 8, 64, 8.0], [0, 5, 68, 8.5, True, "8", None]),
        (Int(0, 1), [0, 1], [True, False]),
        (Choice(("a", "b")), ["a", "b"], ["c", ("a",), None, 0]),
        (Choice((0, 1)), [0, 1, 1.0], [True, False, "1"]),
        (Choice((True, False)), [True, False], [1, 0, 1.0]),
        (Choice((None,)), [None], [False, 0, "null"]),
        (Choice(("all", ("q", 1))), [("q", 1), ["q", 1], "all"], [("q", True), ["q"], {}]),
    ],
)
def test_contains(domain, inside, outside):
    assert [value for value in inside if not domain.contains(value)] == []
    assert [value for value in outside if domain.contains(value)] == []


@pytest.mark.parametrize(
    ("domain", "value", "spelling"),
    [
        (Float(0.0, 0.2, step=0.05), 0.15000000000000002, 0.15),
        (Float(0.0, 0.3, step=0.1), 0.30000000000000004, 0.3),
        (Float(1e-5, 3e-3, log=True), math.nextafter(3e-3, 1), 3e-3),
        (Float(1e-5, 3e-3, log=True), math.nextafter(1e-5, 0), 1e-5),
        (Float(0.0, 1.0), 1, 1.0),
        (Int(4, 64), 8.0, 8),
        (Choice((0, 0.1)), 0.0, 0),
        (Choice((("q", "v"),)), ["q", "v"], ("q", "v")),
    ],
)
def test_rounding_errors_and_other_spellings_are_taken_off(domain, value, spelling):
    found = domain.canonical(value)
    assert (found, type(found)) == (spelling, type(spelling))


def test_a_value_outside_is_named_with_its_domain():
    with pytest.raises(DomainError, match=r"^'8' is not in int \[4, 64\], step 4$"):
        Int(4, 64, step=4).canonical("8")


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (Float(0.0, 0.2, step=0.05), (0.0, 0.05, 0.1, 0.15, 0.2)),
        (Float(0.5, 0.5), (0.5,)),
        (Int(4, 16, step=4), (4, 8, 12, 16)),
        (Int(2, 5, log=True), (2, 3, 4, 5)),
        (Choice(("b", "a", None)), ("b", "a", None)),
    ],
)
def test_grid_holds_every_value_in_order(domain, values):
    assert domain.grid() == values
    assert domain.cardinality == len(values)


def test_a_continuous_domain_has_no_grid_and_says_the_way_out():
    assert Float(0.0, 0.1).cardinality is None
    with pytest.raises(ValueError, match=r"uniform \[0.0, 0.1\] .*give it a step, or use choice"):
        Float(0.0, 0.1).grid()


def test_booleans_and_numbers_make_different_choices():
    assert Choice((True, False)) != Choice((1, 0))
    assert Choice(((1, 2),)) != Choice(((True, 2),))
    assert Choice((1, 2)) == Choice((1.0, 2))
    assert hash(Choice((1, 2))) == hash(Choice((1.0, 2)))
    assert Choice((1,)) != Int(1, 1)


@settings(max_examples=50, deadline=None)
@given(stepped_floats() | ints())
def test_a_grid_is_even_and_runs_from_low_to_high(domain):
    grid = domain.grid()
    assert (grid[0], grid[-1]) == (domain.low, domain.high)
    assert len(grid) == len(set(grid)) == domain.cardinality
    gaps = [high - low for low, high in itertools.pairwise(grid)]
    assert gaps == pytest.approx([domain.step] * len(gaps), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(domains)
def test_what_a_domain_enumerates_it_contains_unchanged(domain):
    values = domain.grid() if domain.cardinality else (domain.low, domain.high)
    assert tuple(map(domain.canonical, values)) == values
