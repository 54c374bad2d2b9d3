"""A space without an option of one of its choices."""

from __future__ import annotations

from search_spaces.dimension import Branch, Dimension
from search_spaces.domains import Choice
from search_spaces.space import Space
from search_spaces.values import identity


def without_option(space: Space, name: str, option: object) -> Space | None:
    """The space in which `name` never has this value; what depended on that alone is left out.

    None if nothing would be left of `name`, so that the space would lose more than an option.
    """
    left: dict[str, Dimension] = {}
    for each, dimension in space.items():
        branches = [_without(branch, each, name, option) for branch in dimension.branches]
        kept = tuple(branch for branch in branches if branch is not None)
        if kept:
            left[each] = Dimension(kept)
        elif each == name:
            return None
    return Space(left)


def _without(branch: Branch, of: str, name: str, option: object) -> Branch | None:
    domain, when = branch.domain, dict(branch.when)
    if of == name and isinstance(domain, Choice):
        options = tuple(each for each in domain.options if identity(each) != identity(option))
        if not options:
            return None
        domain = Choice(options)
    if name in when:
        when[name] = tuple(each for each in when[name] if identity(each) != identity(option))
        if not when[name]:
            return None
    return Branch(domain, when)
