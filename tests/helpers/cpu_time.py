from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """The block takes this process less than so much CPU time, however busy the machine is."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds
