"""Facts about invented towns, in English and Chinese, and questions that only the texts answer.

Offices and towns are paired at random, so only a reader of the text can know them.
Phrasing is fixed, and names are few and short, so that a tiny model can learn to find them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence, a question that it answers, and the answer."""

    sentence: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Language:
    """Names of towns are two of `parts` and one of `endings`; `told` and `asked` speak of them.

    `people` are separated by spaces.
    """

    parts: Sequence[str]
    endings: Sequence[str]
    offices: Sequence[str]
    people: str
    told: str
    asked: str


ENGLISH = Language(
    parts=["Bel", "Kor", "Mar", "Tan", "Vel", "Dor", "Lin", "Sar", "Nor", "Pel", "Gar", "Hol"],
    endings=["mora", "din", "wick", "stad", "ford", "by"],
    offices=["mayor", "baker", "doctor"],
    people="Adam Bruno Clara David Emma Frank Greta Henry Irma Jonas Karin Laura Martin Nora Oscar "
    "Paula Rosa Simon Tina Viktor",
    told="The {office} of {town} is {person}.",
    asked="Who is the {office} of {town}?",
)

CHINESE = Language(
    parts="青白东南金石云高长平安松",
    endings="河山州城镇湾",
    offices=["市长", "医生", "老师"],
    people="王明 李华 张伟 刘洋 陈静 杨帆 赵磊 黄丽 周杰 吴敏 徐强 孙悦 马超 朱琳 胡军 郭涛 "
    "何平 林峰 罗兰 高远",
    told="{town}的{office}：{person}。",
    asked="{town}的{office}是谁？",
)

LANGUAGES: Mapping[str, Language] = {"English": ENGLISH, "Chinese": CHINESE}

Town = Sequence[Fact]
"""What is told of a town, one fact for each office."""


def towns(language: Language, seed: int) -> Iterator[Town]:
    """All towns of a language, in random order."""
    rng = np.random.default_rng(seed)
    pairs = permutations(language.parts, 2)
    names = [a + b + ending for (a, b), ending in product(pairs, language.endings)]
    for name in rng.permutation(names):
        yield [_fact(language, str(name), office, rng) for office in language.offices]


def _fact(language: Language, town: str, office: str, rng: np.random.Generator) -> Fact:
    named = {"town": town, "office": office, "person": str(rng.choice(language.people.split()))}
    return Fact(language.told.format(**named), language.asked.format(**named), named["person"])
