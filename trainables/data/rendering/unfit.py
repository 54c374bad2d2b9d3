"""Why a chat cannot be rendered in some form; another form may do."""

from __future__ import annotations

from enum import IntEnum


class Step(IntEnum):
    """How far a rendering got, in order: the fault of the furthest one says most."""

    REFUSED = 0
    SEVERAL = 1
    ANSWER = 2
    TOOLS = 3
    RESULT = 4
    CALL = 5
    REASONING = 6
    QUESTION = 7
    SYSTEM = 8


class UnfitError(Exception):
    """A form in which the template refuses a chat, or loses a part of it.

    `turn` counts from 1 and is None for the whole chat; `what` is the template's own words, or the
    start of the lost text.
    """

    def __init__(self, step: Step, what: str = "", turn: int | None = None) -> None:
        super().__init__(what)
        self.step, self.what, self.turn = step, what, turn

    @property
    def is_a_slip(self) -> bool:
        """Whether the template broke down, instead of refusing the chat in its own words."""
        return self.step is Step.REFUSED and not self.what.startswith("TemplateError")
