"""The linter's advice in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from sweeps.advice.advice import Advice
from sweeps.home.home import SweepFolder, SweepHome


def suggestions(advice: Sequence[Advice], next_command: str = "") -> RenderableType:
    """Each with its evidence and its change; nothing if there is none."""
    if not advice:
        return Group()
    last = [Text(f"  {next_command} writes a sweep file with these changes", "dim")]
    return Group(
        Text("\nFor the next sweep", "bold"),
        *(part for each in advice for part in _described(each)),
        *(last if next_command else ()),
    )


def next_command(folder: SweepFolder) -> str:
    """The command that writes the next sweep's file."""
    return f"sweep next {folder.path.name}{SweepHome(folder.path.parents[1]).way()}"


def _described(advice: Advice) -> tuple[RenderableType, ...]:
    """The change is never wrapped, so that it can be copied."""
    words = Text.assemble((f"{advice.title}. ", "bold"), advice.evidence)
    change = Text(advice.change, "green", no_wrap=not advice.remedy, overflow="ignore")
    return tuple(
        Padding(text, (0, 0, 0, indent), expand=False) for text, indent in ((words, 2), (change, 4))
    )
