from __future__ import annotations

from pathlib import Path

import pytest
from spec_samples import toy_tree

from sweeps.base.errors import SweepError
from sweeps.remote.client import Elsewhere
from sweeps.remote.prices import as_options, given
from sweeps.spec.spec import SpecError, SweepSpec

FILE = Path("cluster.yaml")


def test_words_go_on_top_of_the_files_comments():
    assert given((), FILE) == {"head": 0.192, "worker": 1.006}
    assert given(["worker=0.4"], FILE) == {"head": 0.192, "worker": 0.4}
    assert given(["ray.worker.default=2"], None) == {"ray.worker.default": 2.0}
    assert given((), Path("no/such/file")) == given((), None) == {}


def test_they_survive_the_command_line():
    prices = {"worker": 1.006, "a=b": 1e-9}
    assert given(as_options(prices)[1::2], None) == prices


@pytest.mark.parametrize("word", ["worker", "=1", "worker=", "worker=x", "a=-1", "a=inf", "a=nan"])
def test_what_is_no_price_is_refused(word):
    with pytest.raises(SweepError, match="must be TYPE=DOLLARS"):
        given([word], None)


def test_a_launch_sends_the_files_prices_unless_the_spec_has_its_own():
    there = Elsewhere(FILE, None, None)
    sent = there._priced(SweepSpec.parse(toy_tree(slots={"count": 2})))
    assert sent.slots.prices == {"head": 0.192, "worker": 1.006}
    assert sent.slots.count == sent.tree["slots"]["count"] == 2
    own = SweepSpec.parse(toy_tree(slots={"prices": {"worker": 3}}))
    assert there._priced(own) is own
    bare = SweepSpec.parse(toy_tree())
    assert Elsewhere(None, "http://x", None)._priced(bare) is bare
    assert there._priced(bare).slots.prices["worker"] == 1.006


def test_a_price_in_a_spec_is_no_less_than_nothing():
    with pytest.raises(SpecError, match=r"slots\.prices\.worker"):
        SweepSpec.parse(toy_tree(slots={"prices": {"worker": -1}}))


def test_prices_of_types_that_a_cluster_file_lacks_are_refused_with_the_nearest():
    wrong = SweepSpec.parse(toy_tree(slots={"prices": {"wroker": 3}}))
    with pytest.raises(SweepError, match=r"slots\.prices: wroker .* did you mean worker\?"):
        Elsewhere(FILE, None, None)._priced(wrong)
    assert Elsewhere(None, "http://x", None)._priced(wrong) is wrong
    with pytest.raises(SweepError, match=r"--price: g5\.xlarge .* known: head, worker"):
        given(["g5.xlarge=1"], FILE)
