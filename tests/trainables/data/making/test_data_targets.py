"""What a classifier predicts, from labels as files write them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.core.data_error import DataError
from trainables.data.making.targets import targets_of
from trainables.data.records.records import Labelled
from trainables.objectives.classification import ClassificationConfig


def texts(*labels):
    return [Labelled(f"text {n}", label, f"row {n + 1}") for n, label in enumerate(labels)]


def targets(*labels, held_out=(), skip=False, **settings):
    return targets_of(texts(*labels), held_out, ClassificationConfig(**settings), skip)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["pos", "neg", "pos"], ("neg", "pos")),
        (["10", "2", "-1"], ("-1", "2", "10")),
        (["10", "2", "x"], ("10", "2", "x")),
        (["nan", "inf", "1"], ("1", "inf", "nan")),
        (["1.0", "2", "", "2.0", "1"], ("1", "2")),
        (["True", "true", "False"], ("False", "True")),
        (["01", "02", "10"], ("01", "02", "10")),
    ],
)
def test_classes_are_numbers_in_their_order_else_names_in_the_alphabets(labels, names):
    assert targets(*labels).names == names


def test_a_held_out_label_that_training_lacks_is_a_mistake():
    held_out = [Labelled("a", "pos", "dev.csv line 2"), Labelled("b", "neutral", "dev.csv line 3")]
    said = r"^dev\.csv line 3: label 'neutral' is not among those of the train files \(neg, pos\)"
    with pytest.raises(DataError, match=said):
        targets("pos", "neg", held_out=held_out)
    known = targets("pos", "neg", held_out=[Labelled("a", ""), held_out[0]])
    assert known.names == ("neg", "pos")
    assert targets("pos", "neg", held_out=held_out, skip=True).value("neutral") is None


@pytest.mark.parametrize("labels", [["a", "a"], ["a", ""], ["1", "1.0"]])
def test_one_class_is_none(labels):
    with pytest.raises(
        DataError, match=r"all records have the label '\w'; classification needs two"
    ):
        targets(*labels)


def test_a_validation_file_may_write_a_label_in_another_way():
    known = targets("0", "1", "2", held_out=[Labelled("a", "2.0"), Labelled("b", "1")])
    assert [known.value(name) for name in ("0.0", "1", "2.0", "-0")] == [0.0, 1.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            ["0", "0.0", "01", "true", "one"],
            "row 4: label 'true' may mean the same as '01' .*0, 01,",
        ),
        (["1", "1e0", "2"], "row 2: label '1e0' may mean the same as '1'"),
        (["no", "yes", "true"], "row 3: label 'true' may mean the same as 'yes'"),
        (["0", "1", "False"], "row 3: label 'False' may mean the same as '0'"),
    ],
)
def test_labels_that_may_mean_the_same_are_named_before_they_become_classes(labels, said):
    with pytest.raises(DataError, match=f"{said}.*or list them in classification.labels"):
        targets(*labels)
    assert targets(*labels, labels=_distinct(labels)).names == tuple(_distinct(labels))


def _distinct(labels):
    return [label for label in labels if label != "0.0"]


def test_labels_that_differ_in_case_are_two_and_said():
    found = targets("C++", "c++", "Java")
    assert found.names == ("C++", "Java", "c++")
    assert found.notes == ("labels that differ only in case: C++, c++",)


def test_declared_labels_are_the_outputs_in_their_order_and_no_others_are_read():
    found = targets("b", "1.0", labels=["c", "b", 1, True])
    assert found.names == ("c", "b", "1", "true")
    assert [found.value(name) for name in ("c", "b", "1", "True")] == [0, 1, 2, 3]
    with pytest.raises(DataError, match=r"^row 2: label 'd' is not among classification\.labels"):
        targets("b", "d", labels=["b", "c"])


def test_lists_are_several_labels_and_an_empty_one_is_none_of_them():
    found = targets(("a", "b"), (), ("b",))
    assert (found.kind, found.names) == ("multi_label", ("a", "b"))
    assert "classification.target is multi_label" in found.notes[0]
    values = [found.value(label).tolist() for label in (("b",), (), ("a", "b"), "a")]
    assert values == [[False, True], [False, False], [True, True], [True, False]]


def test_a_list_among_names_is_a_mistake_unless_several_labels_are_asked_for():
    with pytest.raises(
        DataError, match=r"row 2: label is the list \['b'\], and that of row 1 is 'a'"
    ):
        targets("a", ("b",))
    assert targets("a", ("b",), target="multi_label").names == ("a", "b")
    with pytest.raises(DataError, match=r"row 1: label is the list .*target is single_label"):
        targets(("a",), ("b",), target="single_label")


def test_a_0_or_1_for_each_label_is_no_list_of_labels():
    with pytest.raises(
        DataError, match=r"row 1: label is \['0', '1', '0'\], a 0 or 1 for each of 3"
    ):
        targets(("0", "1", "0"), ("1", "1", "0"))


def test_numbers_with_fractions_and_many_values_are_a_regressions():
    found = targets(*(f"{n / 4}" for n in range(12)))
    assert (found.kind, found.names, found.value("2.50")) == ("regression", ("score",), 2.5)
    assert "classification.target is regression" in found.notes[0]


def test_whole_numbers_are_classes_however_many_they_are():
    found = targets(*(str(n) for n in range(50)))
    assert (found.kind, len(found.names)) == ("single_label", 50)
    assert targets("1", "2", "5", target="regression").value("2") == 2.0


@pytest.mark.parametrize(
    ("labels", "held"),
    [(["1.5", "2.5", "3"], r"1\.5, 2\.5, 3"), (["0.5", "good"], r"words .*good")],
)
def test_a_few_fractions_leave_a_doubt(labels, held):
    said = rf"row 1: label {labels[0]} has a fraction, and the train files hold {held}.*; set class"
    with pytest.raises(DataError, match=said):
        targets(*labels)
    assert targets(*labels, target="single_label").kind == "single_label"


@pytest.mark.parametrize("label", ["good", "nan", "1,5", ("1",)])
def test_a_regression_needs_numbers(label):
    with pytest.raises(
        DataError, match=r"row 2: label .* is not a number, as classification.target"
    ):
        targets("1", label, target="regression")
    assert targets("1", label, target="regression", skip=True).value(label) is None


def test_of_several_labels_the_rarest_is_held_out_in_proportion():
    found = targets(("a", "b"), ("a",), ("a",), ("b", "c"))
    strata = [found.stratum(found.value(label)) for label in (("a",), ("a", "b"), ("b", "c"), ())]
    assert strata == [1, 2, 3, 0]


NAMES = st.one_of(
    st.text(max_size=4).map(str.strip),
    st.integers(-3, 3).map(str),
    st.sampled_from(["1.0", "01", "true", "True", "one", "c++", "C++", "nan", "0.50", "1e0"]),
)


@given(st.lists(st.one_of(NAMES, st.lists(NAMES, max_size=3).map(tuple)), max_size=30))
def test_whatever_the_labels_every_used_row_has_one_target_or_there_is_one_message(labels):
    try:
        found = targets(*labels)
    except DataError as error:
        assert "\n" not in str(error)
        return
    assert len(set(found.names)) == len(found.names)
    for label in labels:
        value = found.value(label) if label != "" else None
        if found.kind == "multi_label":
            assert label == "" or value.sum() == len(
                {found.value((n,)).argmax() for n in _in(label)}
            )
        elif label != "":
            assert np.isfinite(value) and (found.kind == "regression" or value < len(found.names))


def _in(label):
    return label if isinstance(label, tuple) else (label,)
