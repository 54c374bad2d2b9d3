"""Breakdowns of background work: shown at once, and kept for the sweep's record."""

from __future__ import annotations

import threading

from results.ranking.reason_text import shortened
from trainables.core.background import Tell, logged

MOST = 10
"""Maximum number of breakdowns kept; more have the same cause."""

LONGEST = 400
"""Maximum number of characters kept of each."""


class Breakdowns:
    """Reports each breakdown once. Any thread may call it; `texts` are in order of arrival."""

    def __init__(self, tell: Tell = logged) -> None:
        self.texts: tuple[str, ...] = ()
        self._tell = tell
        self._lock = threading.Lock()

    def __call__(self, text: str) -> None:
        """Report a breakdown."""
        text = shortened(text, LONGEST)
        with self._lock:
            if text in self.texts or len(self.texts) == MOST:
                return
            self.texts = (*self.texts, text)
        self._tell(f"Warning: {text}")
