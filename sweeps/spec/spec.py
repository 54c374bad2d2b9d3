"""A sweep file, checked as a whole: every mistake at once, each with its place and its way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from search_spaces import presets
from search_spaces.problem import Problem, SpaceError, did_you_mean
from search_spaces.space import Space
from search_spaces.values import quoted, show
from sweeps.base.errors import SweepError, YamlError
from sweeps.home.home import NAMES_ARE, is_name
from sweeps.spec.checks import Parts, check_databases, check_fit
from sweeps.spec.complaints import explain, leniently, without_mistakes
from sweeps.spec.fields import dotted, set_twice, undotted, with_override
from sweeps.spec.secrets import check_secrets, public
from sweeps.spec.settings import SearchSettings, SlotsSettings, StorageSettings, TrackingSettings
from sweeps.spec.yaml_file import read_yaml
from trainables.config.trial import NOT_SEARCHABLE, TrialConfig, field_names

SECTIONS: Mapping[str, type[BaseModel]] = {
    "search": SearchSettings,
    "slots": SlotsSettings,
    "tracking": TrackingSettings,
    "storage": StorageSettings,
}


MOST_TRIALS = 1_000_000


class SpecError(SweepError):
    """Everything that is wrong with a spec, one line for each problem."""

    def __init__(self, place: str, problems: Iterable[Problem]) -> None:
        self.place = place
        self.problems = tuple(map(public, problems))
        super().__init__(place, self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"{self.place}: {count} problem{'s' if count > 1 else ''}"
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


@dataclass(frozen=True)
class SweepSpec:
    """One search, checked: what each trial has in common, what varies, and how it is searched."""

    name: str
    trials: int
    trial: TrialConfig
    space: Space
    first_points: tuple[Mapping[str, Any], ...]
    search: SearchSettings
    slots: SlotsSettings
    tracking: TrackingSettings
    storage: StorageSettings
    tree: Mapping[str, Any]

    @classmethod
    def load(
        cls,
        path: Path,
        overrides: Sequence[str] = (),
        name: str | None = None,
        elsewhere: bool = False,
        before: Mapping[str, Any] | None = None,
    ) -> SweepSpec:
        """Read a sweep file, with `key=value` overrides and another name; SpecError lists all.

        Of a sweep that runs `elsewhere` whole paths are not looked for here. An override `key=+4`
        adds to what the tree `before` has, the file's own unless given.
        """
        try:
            tree = read_yaml(path)
            for override in overrides:
                tree = with_override(tree, override, before)
        except YamlError as error:
            # Not chained: what YAML holds may be a password, which a SpecError does not repeat.
            raise SpecError(str(path), [Problem("file", str(error))]) from None
        tree.setdefault("name", path.stem)
        named = {**tree, **({} if name is None else {"name": name})}
        return cls.parse(named, str(path), elsewhere)

    @classmethod
    def parse(
        cls, tree: Mapping[str, Any], place: str = "spec", elsewhere: bool = False
    ) -> SweepSpec:
        """Check a spec given as a mapping; SpecError lists every problem."""
        reader = _Reader(tree, elsewhere)
        spec = reader.read()
        if spec is None:
            raise SpecError(place, reader.problems)
        return spec

    def text(self) -> str:
        """The spec as YAML that reads back as an equal one."""
        return yaml.safe_dump(dict(self.tree), sort_keys=False, allow_unicode=True)


class _Reader:
    """Reads each part of the tree by itself, so that one mistake does not hide another.

    A part with mistakes is read once more without them, for what remains to be checked against the
    other parts.
    """

    def __init__(self, tree: Mapping[str, Any], elsewhere: bool) -> None:
        self._tree = tree
        self._elsewhere = elsewhere
        self.problems: list[Problem] = []

    def read(self) -> SweepSpec | None:
        tree = dict(self._tree)
        name = self._name(tree.pop("name", None))
        sections = {key: self._section(key, tree.pop(key, {})) for key in SECTIONS}
        space_tree = tree.pop("space", None)
        trials = self._trials(tree, sections["search"])
        trial = self._trial(tree, sections["slots"])
        space, first_points = self._space(space_tree, tree, sections["search"])
        trials = _trials(trials, space, sections["search"])
        parts = Parts(
            trials, trial, space, sections["search"], sections["slots"], self._tree, self._elsewhere
        )
        self.problems += check_fit(parts)
        self.problems += self._secrets(sections["slots"])
        self.problems += check_databases(sections["search"], sections["tracking"])
        if self.problems:
            return None
        assert trials is not None and trial is not None and space is not None, (
            "a part is missing only with a problem"
        )
        return SweepSpec(
            name=name,
            trials=trials,
            trial=trial,
            space=space,
            first_points=tuple(first_points),
            search=sections["search"],
            slots=sections["slots"],
            tracking=sections["tracking"],
            storage=sections["storage"],
            tree=self._tree,
        )

    def _name(self, name: Any) -> str:
        if is_name(name):
            return str(name)
        message = "is missing" if name is None else f"{name!r} is no name for a sweep"
        self.problems.append(Problem("name", message, NAMES_ARE))
        return ""

    def _secrets(self, slots: SlotsSettings | None) -> list[Problem]:
        """Of the whole tree, and of a DeepSpeed JSON that it names."""
        theirs = slots.engine.config if slots and slots.engine else None
        read = {"slots.deepspeed.config": theirs} if theirs else {}
        return list(dict.fromkeys(check_secrets(self._tree) + check_secrets(read)))

    def _section(self, key: str, tree: Any) -> Any:
        return self._validated(SECTIONS[key], {} if tree is None else tree, key)

    def _validated(self, model: type[BaseModel], tree: Any, prefix: str) -> Any:
        try:
            return model.model_validate(tree)
        except ValidationError as error:
            self.problems += explain(error, model, prefix)
            return leniently(model, without_mistakes(tree, error))

    def _trials(self, tree: dict[str, Any], search: SearchSettings | None) -> int | None:
        """Takes budget.trials out of the tree. A grid knows by itself how many it has."""
        budget = tree.get("budget")
        trials = None
        if isinstance(budget, Mapping):
            tree["budget"] = {key: value for key, value in budget.items() if key != "trials"}
            trials = budget.get("trials")
        if trials is None:
            if search and not search.sampler_kind.finite:
                remedy = "say how many trials the sweep has, e.g. budget: {trials: 20}"
                self.problems.append(Problem("budget.trials", "is missing", remedy))
            return None
        if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
            message = f"{quoted(trials)} is no number of trials"
            self.problems.append(Problem("budget.trials", message, "use a whole number from 1 on"))
            return None
        if trials > MOST_TRIALS:
            message = f"{show(trials)} trials are more than a sweep can have"
            self.problems.append(Problem("budget.trials", message, f"use {MOST_TRIALS:,} at most"))
            return None
        return trials

    def _trial(self, tree: Mapping[str, Any], slots: SlotsSettings | None) -> TrialConfig | None:
        unknown = [
            key for key in tree if key not in TrialConfig.model_fields and "." not in str(key)
        ]
        known = [*TrialConfig.model_fields, "name", "space", *SECTIONS]
        for key in unknown:
            place = str(key) or "''"
            remedy = did_you_mean(str(key), known)
            self.problems.append(Problem(place, "is not a known field", remedy))
        for key in ("deepspeed", "seed"):
            if key in tree:
                other = "slots.deepspeed" if key == "deepspeed" else "search.seed"
                self.problems.append(Problem(key, "is set elsewhere", f"write {other} instead"))
        known_fields = {key: value for key, value in tree.items() if key not in unknown}
        for key in set_twice(known_fields):
            self.problems.append(Problem(key, "is set twice", "keep one of the two"))
        try:
            fields = undotted(known_fields)
        except YamlError as error:
            self.problems.append(Problem("spec", str(error), "write the one or the other"))
            return None
        if slots and slots.engine:
            fields["deepspeed"] = slots.engine.model_dump()
        trial: TrialConfig | None = self._validated(TrialConfig, fields, "")
        return trial

    def _space(
        self, tree: Any, fields: Mapping[str, Any], search: SearchSettings | None
    ) -> tuple[Space | None, list[Mapping[str, Any]]]:
        try:
            tree, preset_points = self._with_preset(tree, fields)
        except SpaceError as error:
            self.problems += [_under("space", problem) for problem in error.problems]
            return None, []
        space = self._parsed_space(tree)
        if space is None:
            return None, []
        points: list[Mapping[str, Any]] = list(presets.fitting(preset_points, space))
        for number, point in enumerate(search.first_points if search else (), 1):
            try:
                points.insert(number - 1, space.parse_point(point, partial=True))
            except SpaceError as error:
                place = f"search.first_points[{number}]"
                self.problems += [_under(place, problem) for problem in error.problems]
        return space, points

    def _parsed_space(self, tree: Any) -> Space | None:
        try:
            return Space.parse(tree, _searchable(), NOT_SEARCHABLE)
        except SpaceError as error:
            self.problems += [_under("space", problem) for problem in error.problems]
            wrong = {problem.place.partition("[")[0] for problem in error.problems}
        if not isinstance(tree, Mapping):
            return None
        try:
            return Space.parse({k: v for k, v in tree.items() if k not in wrong})
        except SpaceError:
            return None

    def _with_preset(
        self, tree: Any, fields: Mapping[str, Any]
    ) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        """`space: lora`, or `space: {preset: lora, ...}` with the user's entries on top."""
        if tree is None or tree == {}:
            remedy = "write NAME: DOMAIN lines, or space: lora for a ready one"
            raise SpaceError([Problem("", "is missing", remedy)])
        if isinstance(tree, str):
            tree = {"preset": tree}
        if not isinstance(tree, Mapping) or "preset" not in tree:
            return tree, ()
        preset = presets.load(str(tree["preset"]))
        own = {key: value for key, value in tree.items() if key != "preset"}
        fixed = dotted(fields)
        return presets.overlay(preset.space, own, fixed), preset.points_under(fixed)


def _trials(wanted: int | None, space: Space | None, search: SearchSettings | None) -> int | None:
    """How many trials there are; of a finite sampler, never more than it has points. None: not
    known."""
    if space is None or search is None or not search.sampler_kind.finite:
        return wanted
    try:
        points = len(search.sampler_kind.points(space))
    except SpaceError:  # its own problem tells
        return wanted
    return min(wanted or points, points)


def _searchable() -> list[str]:
    return [name for name in field_names() if not name.startswith("deepspeed.")]


def _under(place: str, problem: Problem) -> Problem:
    inner = f"{place}.{problem.place}" if problem.place else place
    return Problem(inner, problem.message, problem.remedy)
