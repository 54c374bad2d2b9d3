"""What needs the right answers to prompts, and those that the data have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeps.base.errors import SweepError
from sweeps.spec.spec import SweepSpec
from trainables.core.data_error import short
from trainables.data.retrieval.chats import load_asked
from trainables.data.tokens.prompts import Prompts
from trainables.metrics.answer_labels import MACRO_F1
from trainables.metrics.formula import parts_of
from trainables.metrics.matching import ANSWER_EQUALITY, CONTAINS, EXACT_MATCH
from trainables.metrics.registry import GENERATED
from trainables.objectives.policy import RlConfig
from trainables.training.inputs import Prepared

_REASONED = re.compile(r"\S\s*####")
"""GSM8K's mark of a final answer, with something before it."""

_WHOLE = (EXACT_MATCH.name, MACRO_F1.name, CONTAINS.name)

_ROW = re.compile(r" (?:line|row) \d+$")
"""The end of a row's place, behind its file."""

_IN_PLACE = (
    "use what needs none: rl.reward_model, eval_answer_tokens, eval_ended, eval_json_valid or a "
    "metric of your own"
)


def check_answered(spec: SweepSpec, folders: Sequence[Path]) -> None:
    """SweepError for what needs right answers, if prompts of these sets have none."""
    needs = {name: fields for name in _measured(spec) if (fields := [*_fields(spec, name)])}
    bare = [folder for folder in folders if not Prompts(folder).answered] if needs else []
    if not bare:
        return
    fields = [*dict.fromkeys(field for each in needs.values() for field in each)]
    verb = "needs" if len(needs) == 1 else "need"
    raise SweepError(
        f"{', '.join(fields)}: {', '.join(needs)} {verb} right answers, and {_without(folders)}; "
        f"add them to the data, or {_way_out(fields)}"
    )


def reasoning_notes(spec: SweepSpec, prepared: Prepared) -> Iterator[str]:
    """That right answers with reasoning before a final answer are hardly ever matched whole."""
    asked = [name for name in _measured(spec) if name in _WHOLE]
    if not asked:
        return
    prompts = Prompts(prepared.inputs.validation)
    answers = [prompts[number].references for number in range(len(prompts))]
    found = [each[0] for each in answers if each and all(map(_REASONED.search, each))]
    for name in asked if found else ():
        yield (
            f"{', '.join(_fields(spec, name))}: {name} compares with the whole of a right answer, "
            f"and {len(found):,} of {len(answers):,} have reasoning before ####, such as "
            f"{short(found[0])!r}, so it will be near 0; {ANSWER_EQUALITY.name} compares what is "
            "behind the mark."
        )


def _measured(spec: SweepSpec) -> list[str]:
    """The metrics that compare with right answers, in the order of the file."""
    goals = [part for goal in spec.search.given_modes for part in parts_of(goal)]
    known = dict.fromkeys((*spec.trial.evaluation.metrics, *goals))
    return [
        name
        for name in known
        if name == "eval_loss" or (name in GENERATED and not GENERATED[name].alone)
    ]


def _fields(spec: SweepSpec, name: str) -> Iterator[str]:
    """The fields of the sweep file that ask for a metric."""
    settings = spec.trial.settings(RlConfig)
    if spec.trial.learns.rolls_out and name in settings.rewards:
        yield "rl.rewards"
    if spec.trial.learns.rolls_out and name == settings.held_out_metric:
        yield "rl.held_out"
    if any(name in parts_of(goal) for goal in spec.search.given_modes):
        yield _searched(spec)
    section = spec.tree.get("evaluation")
    given = section if isinstance(section, dict) else {}
    if name in (given.get("metrics") or ()):
        yield "evaluation.metrics"
    if any(name in parts_of(text) for text in given.get("formulas") or ()):
        yield "evaluation.formulas"


def _searched(spec: SweepSpec) -> str:
    return "search.metrics" if spec.search.metrics else "search.metric"


def _way_out(fields: Sequence[str]) -> str:
    searched = [field for field in fields if field.startswith("search.")]
    ways = [f"set {field}: eval_reward" for field in searched]
    if len(searched) < len(fields):
        ways.append(_IN_PLACE)
    return ", and ".join(ways)


def _without(folders: Sequence[Path]) -> str:
    """The numbers of prompts without an answer, by file, with the first of each."""
    counts, bare, first = Counter[str](), Counter[str](), dict[str, str]()
    for folder in folders:
        prompts = Prompts(folder)
        for number, chat in enumerate(load_asked(folder)):
            file = _ROW.sub("", chat.where)
            counts[file] += 1
            if not prompts[number].references:
                bare[file] += 1
                first[file] = min(first.get(file, chat.where), chat.where, key=_row_number)
    return " and ".join(
        f"{count:,} of {counts[file]:,} prompts of {file} have none (the first:"
        f"{first[file].removeprefix(file)})"
        for file, count in bare.items()
    )


def _row_number(where: str) -> int:
    found = _ROW.search(where)
    return int(found.group().split()[-1]) if found else 0
