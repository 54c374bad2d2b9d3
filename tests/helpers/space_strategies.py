"""Hypothesis strategies for domains and spaces; decimals make the steps divide exactly."""

from decimal import Decimal

from hypothesis import strategies as st

from search_spaces.dimension import Branch, Dimension
from search_spaces.domains import Choice, Float, Int
from search_spaces.space import Space
from search_spaces.values import identity


def is_no_number(text):
    try:
        float(text)
    except ValueError:
        return True
    return False


@st.composite
def continuous_floats(draw):
    log = draw(st.booleans())
    bounds = st.floats(1e-9, 1e6) if log else st.floats(-1e6, 1e6)
    low, high = sorted((draw(bounds), draw(bounds)))
    return Float(low, high, log)


@st.composite
def stepped_floats(draw, most_steps=40):
    places = draw(st.integers(0, 6))
    step = Decimal(draw(st.integers(1, 500))).scaleb(-places)
    low = Decimal(draw(st.integers(-1000, 1000))).scaleb(-places)
    high = low + step * draw(st.integers(0, most_steps))
    return Float(float(low), float(high), step=float(step))


@st.composite
def ints(draw, most_steps=100):
    if draw(st.booleans()):
        low = draw(st.integers(1, 5000))
        return Int(low, low + draw(st.integers(0, most_steps)), log=True)
    low, step = draw(st.integers(-5000, 5000)), draw(st.integers(1, 50))
    return Int(low, low + step * draw(st.integers(0, most_steps)), step=step)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8).filter(is_no_number)
    | st.sampled_from(["[1, 2]", '"', '["q_proj"]', "[", "null"])
)
options = scalars | st.lists(scalars, max_size=3).map(tuple)
choices = st.lists(options, min_size=1, max_size=5, unique=True).map(lambda it: Choice(tuple(it)))
few_values = stepped_floats(most_steps=5) | ints(most_steps=5) | choices
domains = continuous_floats() | stepped_floats() | ints() | choices


@st.composite
def spaces(draw, of=domains):
    """Up to five dimensions, each conditioned on some of the earlier ones, in any order.

    Some have two branches, which a parent's values keep apart.
    """
    dimensions = {}
    for number in range(draw(st.integers(1, 5))):
        dimensions[f"part.x{number}"] = Dimension(tuple(draw(branches(of, dimensions))))
    return Space(dict(draw(st.permutations(list(dimensions.items())))))


@st.composite
def branches(draw, of, earlier):
    known = {name: values for name in earlier if (values := possible_values(earlier[name]))}
    parents = draw(st.lists(st.sampled_from(list(known)), max_size=2, unique=True)) if known else []
    when = {
        name: tuple(draw(st.lists(st.sampled_from(known[name]), min_size=1))) for name in parents
    }
    forks = [name for name in parents if len(known[name]) > 1]
    if not forks or draw(st.booleans()):
        return [Branch(draw(of), when)]
    cut = draw(st.integers(1, len(known[forks[0]]) - 1))
    sides = known[forks[0]][:cut], known[forks[0]][cut:]
    return [Branch(draw(of), {**when, forks[0]: side}) for side in sides]


def possible_values(dimension):
    """Some values that other names can wait for; none of a continuous dimension."""
    if not all(domain.cardinality for domain in dimension.domains):
        return ()
    values = [value for domain in dimension.domains for value in domain.grid()[:5]]
    return tuple({identity(value): value for value in values}.values())
