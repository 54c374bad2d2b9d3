"""How spaces are read and written, and what is said about mistakes in them."""

import json

import pytest
import yaml
from hypothesis import given, settings
from space_examples import EVERY_KIND, parse
from space_strategies import spaces

from search_spaces.dimension import Branch, Dimension
from search_spaces.domains import Choice, Float, Int
from search_spaces.problem import SpaceError
from search_spaces.space import Space

NAMES = ("learning_rate", "lora.rank", "lora.dropout", "schedule", "seed", "data.train")


def problems_of(text, **known):
    with pytest.raises(SpaceError) as caught:
        parse(text, **known)
    return str(caught.value).split("\n")


def only(domain, when=None):
    return Dimension((Branch(domain, when or {}),))


def test_every_kind_is_read_as_written():
    assert dict(parse(EVERY_KIND)) == {
        "wsd.decay_fraction": only(Float(0.05, 0.4), {"schedule": ("wsd",)}),
        "learning_rate": only(Float(1e-5, 3e-3, log=True)),
        "optimizer.weight_decay": only(Float(0.0, 0.1)),
        "lora.dropout": only(Float(0.0, 0.2, step=0.05)),
        "lora.rank": only(Int(4, 64, step=4)),
        "batch_size": only(Int(4, 256, log=True)),
        "schedule": only(Choice(("cosine", "wsd", "linear"))),
        "floor_fraction": only(
            Choice((0, 1e-4, None, True)), {"schedule": ("wsd", "linear"), "lora.rank": (8,)}
        ),
        "lora.target_modules": only(Choice(("all-linear", ("q_proj", "v_proj")))),
        "warmup_fraction": only(
            Float(0.0, 0.1, step=0.01), {"lora.target_modules": (("q_proj", "v_proj"),)}
        ),
    }


BRANCHED = """
    method: {choice: [full, lora]}
    learning_rate:
      - {log_uniform: [1e-6, 1e-4], when: {method: full}}
      - {log_uniform: [1e-5, 1e-3], when: {method: lora}}
"""


def test_a_name_may_have_a_domain_for_each_value_of_another():
    space = parse(BRANCHED)
    assert space["learning_rate"] == Dimension(
        (
            Branch(Float(1e-6, 1e-4, log=True), {"method": ("full",)}),
            Branch(Float(1e-5, 1e-3, log=True), {"method": ("lora",)}),
        )
    )
    assert Space.parse(space.dump()) == space


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (
            "{log_uniform: [1e-5, 1e-3], when: {method: [lora, full]}}",
            "learning_rate: entries 1 and 2 overlap: both hold with method full; give each of them "
            "a when on the same name, with different values",
        ),
        (
            "{log_uniform: [1e-5, 1e-3]}",
            "learning_rate: entries 1 and 2 overlap: both hold with method full; give each of them "
            "a when on the same name, with different values",
        ),
        (
            "{log_uniform: [1e-3, 1e-5], when: {method: lora}}",
            "learning_rate[2]: log_uniform [0.001, 1e-05] has low above high; swap them",
        ),
        (
            "{log_uniform: [1e-5, 1e-3], when: {method: lroa}}",
            "learning_rate[2]: when requires method lroa, which is not in choice [full, lora]",
        ),
    ],
)
def test_a_mistake_in_one_of_several_entries_is_named_with_its_number(second, problem):
    assert problems_of(
        f"""
        method: {{choice: [full, lora]}}
        learning_rate:
          - {{log_uniform: [1e-6, 1e-4], when: {{method: full}}}}
          - {second}
        """
    ) == [problem]


def test_whole_floats_are_taken_as_bounds_of_whole_numbers():
    assert parse("x: {int: [1e1, 1.0e+2], step: 3e1}")["x"].domain == Int(10, 100, step=30)


def test_a_space_is_dumped_in_its_shortest_form():
    tree = parse(EVERY_KIND).dump()
    assert Space.parse(tree) == parse(EVERY_KIND)
    assert tree["lora.rank"] == {"int": [4, 64], "step": 4}
    assert tree["batch_size"] == {"log_int": [4, 256]}
    assert tree["wsd.decay_fraction"] == {"uniform": [0.05, 0.4], "when": {"schedule": "wsd"}}
    assert tree["warmup_fraction"] == {
        "quantized": [0.0, 0.1, 0.01],
        "when": {"lora.target_modules": [["q_proj", "v_proj"]]},
    }


@settings(max_examples=50, deadline=None)
@given(spaces())
def test_a_dumped_space_is_read_back_equal_also_through_yaml_and_json(space):
    tree = space.dump()
    for again in (tree, yaml.safe_load(yaml.safe_dump(tree)), json.loads(json.dumps(tree))):
        found = Space.parse(again)
        assert found == space
        assert set(found.names) == set(space.names)
    assert Space.parse(tree).names == space.names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "learning_rate: {log_uniform: [0.1, 1e-3]}",
            "learning_rate: log_uniform [0.1, 0.001] has low above high; swap them",
        ),
        (
            "lora.rank: 8",
            "lora.rank: is the plain value 8; put fixed values at the top level of the spec",
        ),
        (
            "schedule: [cosine, wsd]",
            "schedule: is the bare list [cosine, wsd]; write {choice: [cosine, wsd]}",
        ),
        (
            "lora.rank:",
            "lora.rank: has no domain; "
            "the kinds are uniform, log_uniform, quantized, int, log_int, choice",
        ),
        (
            "learning_rate: {loguniform: [1, 2]}",
            "learning_rate: has the unknown kind loguniform; did you mean log_uniform? "
            "the kinds are uniform, log_uniform, quantized, int, log_int, choice",
        ),
        (
            "learning_rate: {xyz: [1, 2]}",
            "learning_rate: has the unknown kind xyz; "
            "the kinds are uniform, log_uniform, quantized, int, log_int, choice",
        ),
        (
            "learning_rate: {step: 2}",
            "learning_rate: names no kind; "
            "name one of uniform, log_uniform, quantized, int, log_int, choice",
        ),
        (
            "learning_rate: {uniform: [1, 2], choice: [1]}",
            "learning_rate: names uniform and choice; "
            "name one of uniform, log_uniform, quantized, int, log_int, choice",
        ),
        (
            "learning_rate: {uniform: [1, 2, 3]}",
            "learning_rate: uniform is [1, 2, 3]; write uniform: [low, high]",
        ),
        (
            "learning_rate: {quantized: [1, 2]}",
            "learning_rate: quantized is [1, 2]; write quantized: [low, high, step]",
        ),
        (
            "learning_rate: {uniform: 0.5}",
            "learning_rate: uniform is 0.5; write uniform: [low, high]",
        ),
        ("learning_rate: {uniform: [few, 2]}", "learning_rate: few is not a number"),
        (
            "learning_rate: {uniform: [[1], 2]}",
            "learning_rate: uniform [[1], 2] has a low of [1], not a finite number",
        ),
        (
            "lora.rank: {int: [1, 2.5]}",
            "lora.rank: int [1, 2.5] has a high of 2.5, not a whole number",
        ),
        (
            "schedule: {choice: cosine}",
            "schedule: choice is cosine; write choice: [cosine]",
        ),
        (
            "lora.rank: {log_int: [1, 8], step: 2}",
            "lora.rank: log_int does not accept a separate step; remove step",
        ),
        (
            "lora.rank: {int: [1, 8], when: wsd}",
            "lora.rank: when is wsd, not a mapping; write when: {schedule: wsd}",
        ),
        (
            "{schedule: {choice: [a]}, lora.rank: {int: [1, 8], when: {schedule: []}}}",
            "lora.rank: when accepts no value of schedule; list at least one",
        ),
        (
            "learning_rte: {uniform: [0, 1]}",
            "learning_rte: is not a known name; did you mean learning_rate?",
        ),
        (
            "seeds: {int: [0, 1]}",
            "seeds: is not a known name; known: learning_rate, lora.rank, lora.dropout, schedule",
        ),
        (
            "lora: {rank: {int: [1, 8]}}",
            "lora: is a group of fields; name one of them: lora.rank, lora.dropout",
        ),
        (
            "seed: {int: [0, 9]}",
            "seed: cannot be searched: it is derived; remove it from the space",
        ),
        (
            "data.train: {choice: [a, b]}",
            "data.train: cannot be searched: it is shared; remove it from the space",
        ),
        ("3: {int: [1, 2]}", "3: is not a valid name; use a string, such as learning_rate"),
        (
            "{schedule: {choice: [a]}, lora.rank: {int: [1, 8], when: {schedul: a}}}",
            "lora.rank: when names schedul, which is not in the space; did you mean schedule?",
        ),
        (
            "{schedule: {choice: [cosine, wsd]}, lora.rank: {int: [1, 8], when: {schedule: wds}}}",
            "lora.rank: when requires schedule wds, which is not in choice [cosine, wsd]",
        ),
        (
            "{lora.dropout: {uniform: [0, 1]}, lora.rank: {int: [1, 8], when: {lora.dropout: 0}}}",
            "lora.rank: when needs exact values of lora.dropout, which is continuous "
            "(uniform [0.0, 1.0]); give lora.dropout a step, or use choice",
        ),
        (
            "lora.rank: {int: [1, 8], when: {lora.rank: 4}}",
            "lora.rank: conditions form a cycle: lora.rank -> lora.rank; remove one of them",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_way_out(text, problem):
    fixed = {"seed": "it is derived", "data": "it is shared"}
    assert problems_of(text, names=NAMES, fixed=fixed) == [problem]


@pytest.mark.parametrize("tree", [None, [1], "lora"])
def test_a_space_that_is_no_mapping_is_refused(tree):
    with pytest.raises(SpaceError, match=r"^space: is .*, not a mapping of names to domains"):
        Space.parse(tree)


def test_all_mistakes_are_told_at_once():
    text = """
    learning_rte: {log_uniform: [0, 1], when: {schedul: wsd}}
    seed: {int: [1, 2]}
    schedule: 3
    lora.rank: {int: [1, 2], when: {schedule: wsd, seed: 1}}
    lora.dropout: {choice: [], when: 7}
    """
    assert problems_of(text, names=NAMES, fixed={"seed": "it is derived"}) == [
        "learning_rte: is not a known name; did you mean learning_rate?",
        "learning_rte: log_uniform [0.0, 1.0] has a low of 0.0; a log scale starts above 0",
        "seed: cannot be searched: it is derived; remove it from the space",
        "schedule: is the plain value 3; put fixed values at the top level of the spec",
        "lora.dropout: choice [] has no options; list at least one",
        "lora.dropout: when is 7, not a mapping; write when: {schedule: wsd}",
        "learning_rte: when names schedul, which is not in the space; did you mean schedule?",
    ]


def test_every_circle_of_conditions_is_named():
    text = """
    a: {int: [1, 2], when: {b: 1}}
    b: {int: [1, 2], when: {a: 1}}
    c: {int: [1, 2], when: {c: 1}}
    """
    problems = problems_of(text)
    assert len(problems) == 2
    assert {problem.split(":")[0] for problem in problems} in ({"a", "c"}, {"b", "c"})
