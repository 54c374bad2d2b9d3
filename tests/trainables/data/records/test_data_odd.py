"""Input that is merely odd is read right."""

from __future__ import annotations

import pytest
from bad_files import sources, written
from odd_files import ODD


@pytest.mark.parametrize("case", ODD, ids=lambda case: case.id)
def test_odd_input_is_read_right(tmp_path, case):
    path = written(tmp_path, case)
    (file,) = sources(path, case.objective, **case.data).train
    assert list(file.records) == case.found
    assert file.bad == ()
    again = sources(path, case.objective, **case.data, bad_rows="skip")
    assert again.train == (file,)
