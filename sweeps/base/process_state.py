"""Process-wide state that a sweep changes while it runs, and restores afterwards.

A notebook that launches a sweep continues with its own work afterwards.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def environment_kept(*beginnings: str) -> Iterator[None]:
    """Restore the environment variables with these prefixes afterwards; others stay, since another
    thread may have set them."""
    before = _environment(beginnings)
    try:
        yield
    finally:
        for name in _environment(beginnings).keys() - before.keys():
            os.environ.pop(name, None)
        os.environ.update(before)


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    """Replace the attribute while the block runs."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def logger_kept(name: str) -> Iterator[None]:
    """Restore the level and the formats of a library's logger afterwards."""
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
    """Restore the random state of Python, NumPy and torch afterwards."""
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


_OBJECTS = 20_000
"""New objects until Python looks for garbage among them; its default is 700 or 2,000."""


@contextmanager
def garbage_looked_for_less() -> Iterator[None]:
    """Look less often for objects that only refer to each other, and not among those that are there
    already, which are modules and libraries: for a sweep of short trials that takes 5% of its time.
    """
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    if not frozen:  # otherwise a user's own, which could not be told apart
        gc.collect()
        gc.freeze()
    gc.set_threshold(before[0] and max(before[0], _OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()
