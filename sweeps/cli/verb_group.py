"""A group of verbs, which answers a misspelt one with the one that was meant."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from search_spaces.problem import nearest

_CLOSE = 0.75
"""Likeness of a misspelt verb to the meant one. Typer's own suggestions share a few letters."""


class VerbGroup(TyperGroup):
    """Suggests one close verb, or none."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that the first argument names, as Typer finds it; ends with a usage error."""
        self.suggest_commands = False
        near = nearest(args[0], self.commands, _CLOSE)
        if near and near != args[0]:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near!r}?")
        return super().resolve_command(ctx, args)
