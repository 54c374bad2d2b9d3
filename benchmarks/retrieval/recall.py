"""Chinese questions: how often BM25 finds the passage that answers them, by the terms it compares.

    python -m benchmarks.retrieval.recall [--places 300] [--file CHATS.json]

Made by this script: passages of three sentences about invented places, whose names share their
characters (平安镇, 安平镇), and questions in other words than the passages'. `--file` names JSON
rows of instruction and output: there the output is the passage that its own instruction should
find. Words are cut by jieba, if it is installed. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable, Sequence
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np

from benchmarks.retrieval.facts import CHINESE
from trainables.data.retrieval.ranking import Bm25
from trainables.data.retrieval.words import terms
from trainables.metrics.words import words

Terms = Callable[[str], list[str]]
Asked = tuple[Sequence[str], Sequence[str], Sequence[int]]
"""Passages, questions, and the place of each question's passage."""

DEPTHS = (1, 3, 5)

ENDINGS = "镇县市"
GOODS = ["茶叶", "苹果", "丝绸", "陶瓷", "大米", "葡萄", "木材", "盐", "羊毛", "蜂蜜"]

TOLD: Sequence[tuple[Sequence[str], Sequence[str]]] = (
    (("{place}由{person}出任{office}。", "{person}现在是{place}的{office}。"),
     ("谁是{place}的{office}？", "请问{place}{office}叫什么名字？", "{place}现任{office}是哪位？")),
    (("当地盛产{good}，远销各地。", "这里的人多以种植和买卖{good}为生。"),
     ("{place}有什么特产？", "{place}的人靠什么生活？")),
    (("{place}建于{year}年。", "{year}年，人们在河边建起了{place}。"),
     ("{place}是哪一年建成的？", "{place}有多少年的历史？")),
)  # fmt: skip


def made(places: int, seed: int = 0) -> Asked:
    """A passage for each place, and a question for each of its sentences."""
    rng = np.random.default_rng(seed)
    names = [a + b + end for a, b in permutations(CHINESE.parts, 2) for end in ENDINGS]
    passages, questions, right = [], [], []
    for number, place in enumerate(rng.permutation(names)[:places]):
        values = {
            "place": place,
            "person": rng.choice(CHINESE.people.split()),
            "office": rng.choice(["市长", "镇长", "县长"]),
            "good": rng.choice(GOODS),
            "year": rng.integers(900, 1900),
        }
        kinds = [(rng.choice(told), rng.choice(asked)) for told, asked in TOLD]
        passages.append("".join(told.format(**values) for told, _ in kinds))
        questions += [asked.format(**values) for _, asked in kinds]
        right += [number] * len(kinds)
    return passages, questions, right


def of_file(file: Path) -> Asked:
    """Outputs as passages, instructions as questions."""
    rows = json.loads(file.read_text(encoding="utf-8"))
    chats = {row["output"]: f"{row['instruction']}\n{row.get('input', '')}" for row in rows}
    return list(chats), list(chats.values()), range(len(chats))


def _pairs(text: str) -> list[str]:
    found = words(text)
    return [a + b for a, b in pairwise(found)] or found


def _triples(text: str) -> list[str]:
    found = terms(text)
    single = words(text)
    return [
        *found,
        *("".join(three) for three in zip(single, single[1:], single[2:], strict=False)),
    ]


def _by_jieba(text: str) -> list[str]:
    import jieba

    return [word for each in jieba.cut(text) for word in ("".join(words(each)),) if word]


def ways() -> dict[str, Terms]:
    """What may be compared."""
    found: dict[str, Terms] = {
        "characters": words,
        "pairs": _pairs,
        "characters and pairs": terms,
        "and triples": _triples,
    }
    if importlib.util.find_spec("jieba"):
        found |= {"words": _by_jieba, "characters and words": lambda t: words(t) + _by_jieba(t)}
    return found


def recall(asked: Asked, way: Terms) -> dict[str, float]:
    """The share of questions whose passage is among the first few."""
    passages, questions, right = asked
    orders = Bm25(passages, way).orders(questions)
    places = [list(order).index(own) for order, own in zip(orders, right, strict=True)]
    return {f"@{depth}": round(float(np.mean(np.array(places) < depth)), 3) for depth in DEPTHS}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--places", type=int, default=300)
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    asked = of_file(options.file) if options.file else made(options.places)
    print(f"{len(asked[0])} passages, {len(asked[1])} questions, such as: {asked[1][0]}")
    report = {name: recall(asked, way) for name, way in ways().items()}
    print(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
