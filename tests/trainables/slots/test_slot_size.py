from __future__ import annotations

import pytest

from trainables.slots.slot_size import SlotSize


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (SlotSize(1, 2.0, 0.0), "1 worker with 2 CPU"),
        (SlotSize(4, 0.5, 1.0), "4 workers with 0.5 CPU and 1 GPU"),
    ],
)
def test_a_size_is_shown_in_words(size, text):
    assert str(size) == text
