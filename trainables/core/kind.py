"""One of the kinds that a trial can be of: a tuning method, or an objective."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


class Kind(ABC):
    """What a sweep file calls by a name, with settings of its own and things it cannot do."""

    name: ClassVar[str]

    sections: ClassVar[Mapping[str, type[Frozen]]] = {}
    """The settings that it reads, by the name of their section in a sweep file."""

    refuses_by: ClassVar[tuple[str, ...]] = ()
    """The searchable fields, beside method and objective, that `refusals` looks at."""

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """What it cannot do together with the rest of a trial."""
        yield from ()
