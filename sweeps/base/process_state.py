"""State of this whole process that a sweep changes while it runs, and leaves as it was.

A notebook that launches a sweep goes on with its own work afterwards.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def environment_kept(*beginnings: str) -> Iterator[None]:
    """Afterwards the environment variables whose names begin so are as they were, others are not
    looked at: another thread may have set them."""
    before = _environment(beginnings)
    try:
        yield
    finally:
        for name in _environment(beginnings).keys() - before.keys():
            os.environ.pop(name, None)
        os.environ.update(before)


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    """The attribute has another value while the block runs."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def logger_kept(name: str) -> Iterator[None]:
    """Afterwards a library's logger has the level and the formats that it had."""
    logger = logging.getLogger(name)
    level, formats = logger.level, [(each, each.formatter) for each in logger.handlers]
    try:
        yield
    finally:
        logger.setLevel(level)
        for handler, formatter in formats:
            handler.setFormatter(formatter)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Afterwards Python, NumPy and torch go on drawing as if the block had drawn nothing."""
    import random

    import numpy as np
    import torch

    state, arrays = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))):
            yield
    finally:
        random.setstate(state)
        np.random.set_state(arrays)


def _environment(beginnings: tuple[str, ...]) -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name.startswith(beginnings)}
