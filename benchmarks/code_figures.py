"""Figures of the code: python -m benchmarks.code_figures [--by-folder]

Files per folder, lines of functions, long files, and the frequency of the type `Any`.
"""

from __future__ import annotations

import argparse
import ast
import statistics
from collections import Counter
from pathlib import Path

TOP = Path(__file__).parents[1]
PACKAGES = ("sweeps", "trainables", "search_spaces", "results")
LONG_FILE = 250
FULL_FOLDER = 20


def main() -> None:
    """Print the figures of all packages, and of each folder on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--by-folder", action="store_true")
    by_folder = parser.parse_args().by_folder
    sources = {path: path.read_text() for name in PACKAGES for path in (TOP / name).rglob("*.py")}
    folders = Counter(path.parent for path in sources)
    if by_folder:
        for folder, count in sorted(folders.items()):
            inside = [text for path, text in sources.items() if path.parent == folder]
            print(f"{folder.relative_to(TOP)!s:28} {count:3} files  {_any_share(inside):5.1f} Any")
        print()
    functions = sorted(length for text in sources.values() for length in _functions(text))
    lines = {path: text.count("\n") for path, text in sources.items()}
    long_files = {path: count for path, count in lines.items() if count > LONG_FILE}
    fullest = folders.most_common(1)[0]
    print(f"files                        {len(sources)}, {sum(lines.values()):,} lines")
    print(f"files in the fullest folder  {fullest[1]} ({fullest[0].relative_to(TOP)})")
    full = sum(count > FULL_FOLDER for count in folders.values())
    print(f"folders over {FULL_FOLDER} files        {full}")
    print(f"files over {LONG_FILE} lines         {len(long_files)}")
    for path, count in sorted(long_files.items(), key=lambda each: -each[1]):
        print(f"    {count} {path.relative_to(TOP)}")
    print(f"functions                    {len(functions):,}, lines: {_spread(functions)}")
    print(f"Any in 1,000 lines           {_any_share(list(sources.values())):.1f}")


def _functions(text: str) -> list[int]:
    """The lines of each function, without its docstring."""
    return [
        node.end_lineno - _first_line(node) + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The first line of the body."""
    has_docstring = ast.get_docstring(node) is not None and len(node.body) > 1
    return node.body[1 if has_docstring else 0].lineno


def _any_share(texts: list[str]) -> float:
    """Number of occurrences of the name `Any` per 1,000 lines, imports included."""
    names = sum(_names_any(node) for text in texts for node in ast.walk(ast.parse(text)))
    return 1000 * names / max(1, sum(text.count("\n") for text in texts))


def _names_any(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "Any") or (
        isinstance(node, ast.alias) and node.name == "Any"
    )


def _spread(lengths: list[int]) -> str:
    p90 = lengths[int(0.9 * len(lengths))]
    return f"median {statistics.median(lengths):.0f}, p90 {p90}, most {lengths[-1]}"


if __name__ == "__main__":
    main()
