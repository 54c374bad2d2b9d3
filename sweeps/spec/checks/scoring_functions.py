"""Functions that own metrics name, looked for in their files: parsed, never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from search_spaces.problem import Problem, did_you_mean
from trainables.config.own_metrics import CodeMetric
from trainables.config.trial import TrialConfig
from trainables.core.data_error import short

_DEFINES_UNSEEN = ("globals", "exec", "__getattr__")
"""Names in a file that may define others which do not stand in it."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (*_FUNCTIONS, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
"""What has names of its own."""


def check_functions(
    trial: TrialConfig, is_away: Callable[[str], bool] | None = None
) -> Iterator[Problem]:
    """Files that are no Python, or lack the function; those that cannot be read, or are on another
    machine, are left to others."""
    for name, metric in trial.metrics.items():
        if isinstance(metric, CodeMetric) and not (is_away and is_away(metric.file)):
            yield from _missing(f"metrics.{name}.python", metric)


def _missing(field: str, metric: CodeMetric) -> Iterator[Problem]:
    try:
        text = Path(metric.file).expanduser().read_text(encoding="utf-8")
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    except (OSError, UnicodeDecodeError, RuntimeError):
        return
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        yield Problem(field, f"{metric.file} is not Python ({line}{short(why)})", "correct it")
        return
    names = [*_bound(tree)]
    if text.strip() and metric.function not in names and not _is_open(tree):
        own = [each.name for each in tree.body if isinstance(each, _FUNCTIONS)]
        way_out = did_you_mean(metric.function, own) if own else "it defines none; write it there"
        yield Problem(field, f"{metric.file} has no function {metric.function}", way_out)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a module binds itself, whatever the condition."""
    for inner in ast.iter_child_nodes(node):
        match inner:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.alias(name, alias):
                yield alias or name.partition(".")[0]
            case ast.Name(name, ast.Store()):
                yield name
        if not isinstance(inner, _SCOPES):
            yield from _bound(inner)


def _is_open(tree: ast.Module) -> bool:
    """Whether the file may define names that do not stand in it."""
    for node in ast.walk(tree):
        match node:
            case ast.alias("*") | ast.Global():
                return True
            case ast.Name(name) | ast.FunctionDef(name) if name in _DEFINES_UNSEEN:
                return True
    return False
