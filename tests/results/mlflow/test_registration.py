"""Names and aliases in the registry."""

from __future__ import annotations

import pytest

from results.mlflow.registration import Target


@pytest.mark.parametrize("text", ["m@latest", "m@v1", "m@V12", "m@3", "m@", "a/b", " "])
def test_what_mlflow_refuses_or_reads_otherwise_is_refused_before_anything_is_exported(text):
    with pytest.raises(ValueError):
        Target.parse(text)


def test_other_aliases_are_taken():
    assert Target.parse("m@vega").alias == "vega" and Target.parse("m").alias is None
