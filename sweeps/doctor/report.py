"""The findings of `sweep doctor`, for people and for scripts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from sweeps.preflight.finding import Finding, Level

_STYLES = {Level.OK: "green", Level.NOTE: "yellow", Level.WRONG: "bold red"}


def report(findings: Sequence[Finding]) -> Text:
    """One line for each finding, and a summary."""
    width = max(len(finding.check) for finding in findings)
    text = Text()
    for finding in findings:
        text.append(f"{finding.level:<6}", _STYLES[finding.level])
        text.append(f"{finding.check:<{width}}  {finding}\n")
    bad = count_wrong(findings)
    text.append("Nothing is wrong." if not bad else f"{bad} of {len(findings)} findings are wrong.")
    return text


def report_json(findings: Sequence[Finding]) -> dict[str, object]:
    """`wrong`: their number; `findings`: check, level, message and remedy of each."""
    return {
        "wrong": count_wrong(findings),
        "findings": [finding.json() for finding in findings],
    }


def count_wrong(findings: Sequence[Finding]) -> int:
    """Number of findings to fix."""
    return sum(finding.level is Level.WRONG for finding in findings)
