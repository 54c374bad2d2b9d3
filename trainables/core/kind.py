"""The base class of tuning methods and objectives."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


class Kind(ABC):
    """A kind with a name in sweep files, settings of its own and incompatibilities."""

    name: ClassVar[str]

    sections: ClassVar[Mapping[str, type[Frozen]]] = {}
    """Its settings classes, by the name of their section in a sweep file."""

    refuses_by: ClassVar[tuple[str, ...]] = ()
    """The searchable fields, besides method and objective, that `refusals` reads."""

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Incompatibilities with the rest of a trial."""
        yield from ()
