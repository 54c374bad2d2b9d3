from __future__ import annotations

import pytest

from trainables.slots.gang import Gang


@pytest.mark.parametrize(
    ("gang", "text"),
    [
        (Gang(1, 2.0, 0.0), "1 worker with 2 CPU"),
        (Gang(4, 0.5, 1.0), "4 workers with 0.5 CPU and 1 GPU"),
    ],
)
def test_a_gang_is_shown_in_words(gang, text):
    assert str(gang) == text
