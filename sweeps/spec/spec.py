"""A sweep file, checked as a whole: all problems at once, each with its place and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from results.records.prior import Prior
from search_spaces import presets
from search_spaces.problem import Problem, SpaceError
from search_spaces.space import Space
from search_spaces.values import Value
from sweeps.base.errors import SweepError, YamlError
from sweeps.home.home import NAMES_ARE, is_name
from sweeps.spec.caps import (
    MOST_TRIALS,
    NO_CAPS,
    CapsSettings,
    apart,
    attainable,
    check_caps,
    checked_trials,
    unnumbered,
)
from sweeps.spec.checks.fit import Parts, check_databases, check_fit
from sweeps.spec.checks.search import check_register
from sweeps.spec.fields import (
    each_method,
    nested,
    place_of,
    readers,
    set_twice,
    undotted,
    with_overrides,
    with_preset,
)
from sweeps.spec.generation import judged_by_objective, with_costs, with_generation, with_modes
from sweeps.spec.misplaced import fields_of_trials, instead_of
from sweeps.spec.secrets import public, with_secrets
from sweeps.spec.settings import (
    ConfirmSettings,
    RegisterSettings,
    SearchSettings,
    SlotsSettings,
    StorageSettings,
    TrackingSettings,
)
from sweeps.spec.validation import explain, leniently, without_mistakes
from sweeps.spec.yaml_file import read_yaml
from trainables.config.searchable import NOT_SEARCHABLE
from trainables.config.trial import TrialConfig

SECTIONS = ("search", "confirm", "slots", "tracking", "storage", "register")
"""The sections of a spec about the sweep itself; the other fields are those of a trial."""

_Model = TypeVar("_Model", bound=BaseModel)


class SpecError(SweepError):
    """All problems of a spec, one line for each."""

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
    """A checked search: the common settings of all trials, the space, and the search itself.

    `trials` are at most the combinations of the space; MOST_TRIALS if only `caps` end the sweep.
    `open_methods` are those that `method: auto` may choose; `trial` has the first. `priors` come
    with the model; their points are among `first_points`.
    """

    name: str
    trials: int
    trial: TrialConfig
    space: Space
    first_points: tuple[Mapping[str, Value], ...]
    search: SearchSettings
    slots: SlotsSettings
    tracking: TrackingSettings
    storage: StorageSettings
    tree: Mapping[str, object]
    confirm: ConfirmSettings | None = None
    register: RegisterSettings | None = None
    caps: CapsSettings = NO_CAPS
    open_methods: tuple[str, ...] = ()
    priors: tuple[Prior, ...] = ()

    @classmethod
    def load(
        cls,
        path: Path,
        overrides: Sequence[str] = (),
        name: str | None = None,
        elsewhere: bool = False,
        before: Mapping[str, object] | None = None,
    ) -> SweepSpec:
        """Read a sweep file with `key=value` overrides; SpecError lists every problem.

        Absolute paths of a sweep that runs `elsewhere` are not looked for here. An override
        `key=+4` adds to the value in the tree `before`, which is the file's own unless given.
        """
        try:
            tree = with_overrides(read_yaml(path), overrides, before)
        except YamlError as error:
            # Not chained: the YAML may contain a password, which a SpecError does not repeat.
            raise SpecError(str(path), [Problem("file", str(error))]) from None
        tree.setdefault("name", path.stem)
        named = {**tree, **({} if name is None else {"name": name})}
        refused = None if is_name(name) else name
        return cls.parse(named, place_of(path, overrides, refused), elsewhere)

    @classmethod
    def parse(
        cls, tree: Mapping[str, object], place: str = "spec", elsewhere: bool = False
    ) -> SweepSpec:
        """Check a spec given as a mapping; SpecError lists every problem."""
        if (tree := nested(tree)).get("method") == "auto":
            return cls._open(tree, place, elsewhere)
        reader = _Reader(tree, elsewhere)
        spec = reader.read()
        if spec is None:
            raise SpecError(place, reader.problems)
        return spec

    @classmethod
    def _open(cls, tree: Mapping[str, object], place: str, elsewhere: bool) -> SweepSpec:
        """A spec with `method: auto`; the mistakes told are those that each method would have."""
        found, refused = [], []
        for one in each_method(tree):
            try:
                found.append(cls.parse(one, place, elsewhere))
            except SpecError as error:
                refused.append(error)
        if not found:
            raise min(refused, key=lambda error: len(error.problems))
        methods = readers([(each.trial.method, each.space, each.trial.objective) for each in found])
        first = next(each for each in found if each.trial.method == methods[0])
        return replace(first, tree=tree, open_methods=methods)

    @property
    def asked_trials(self) -> int:
        """budget.trials as given, which may exceed the combinations of the space."""
        budget = self.tree.get("budget")
        asked = budget.get("trials") if isinstance(budget, Mapping) else None
        return asked if isinstance(asked, int) else self.trials

    @property
    def budget_trials(self) -> int | None:
        """The number of trials at the end; None if only caps end the sweep."""
        return None if self.trials == MOST_TRIALS else self.trials

    @property
    def extent(self) -> str:
        """`40 trials`, or the caps that end the sweep."""
        if self.budget_trials is not None:
            return f"{self.trials} trials"
        return f"trials until {' or '.join(f'budget.{name}' for name in self.caps.limits)}"

    @property
    def exhausts_space(self) -> bool:
        """Whether the trials are all combinations of the space, fewer than asked for."""
        return self.trials < self.asked_trials

    def text(self) -> str:
        """The spec as YAML; reading it gives an equal spec."""
        return yaml.safe_dump(dict(self.tree), sort_keys=False, allow_unicode=True)


class _Reader:
    """Reads each part of the tree by itself, so that one problem does not hide another.

    A part with mistakes is read again without them, to check the rest against the other parts.
    """

    def __init__(self, tree: Mapping[str, object], elsewhere: bool) -> None:
        self._tree = tree
        self._elsewhere = elsewhere
        self.problems: list[Problem] = []

    def read(self) -> SweepSpec | None:
        """The spec, or None if there are problems."""
        tree = dict(self._tree)
        name = self._name(tree.pop("name", None))
        search = self._section("search", SearchSettings, tree)
        confirms = tree.get("confirm") is not None
        confirm = self._section("confirm", ConfirmSettings, tree)
        slots = self._section("slots", SlotsSettings, tree)
        tracking = self._section("tracking", TrackingSettings, tree)
        storage = self._section("storage", StorageSettings, tree)
        registers = "register" in tree
        register = self._section("register", RegisterSettings, tree) if registers else None
        space_tree = tree.pop("space", None)
        caps = self._caps(tree)
        trials = self._trials(tree, search, caps)
        trial = self._trial(tree, slots, trials)
        search = judged_by_objective(search, trial)
        trial = with_generation(trial, search)
        search = with_modes(trial, search)
        space, first_points = self._space(space_tree, tree, search)
        trial = with_costs(trial, space)
        trials = attainable(trials, space, search)
        parts = Parts(trials, trial, space, search, slots, self._tree, self._elsewhere)
        self.problems += check_fit(parts, self.problems)
        engine = slots.engine.config if slots and slots.engine else None
        self.problems = with_secrets(self.problems, self._tree, engine)
        self.problems += check_databases(search, tracking)
        self.problems += check_register(registers, search, trial)
        self.problems += check_caps(caps, search, slots, self._elsewhere)
        if self.problems:
            return None
        message = "a part is missing only with a problem"
        assert trials is not None and trial and space is not None, message
        assert search and slots and tracking and storage and caps, message
        return SweepSpec(
            name=name,
            trials=trials,
            trial=trial,
            space=space,
            first_points=tuple(first_points),
            search=search,
            slots=slots,
            tracking=tracking,
            storage=storage,
            tree=self._tree,
            confirm=confirm if confirms else None,
            register=register,
            caps=caps,
        )

    def _name(self, name: object) -> str:
        if is_name(name):
            return str(name)
        message = "is missing" if name is None else f"{name!r} is not a valid name"
        self.problems.append(Problem("name", message, NAMES_ARE))
        return ""

    def _section(self, key: str, model: type[_Model], tree: dict[str, object]) -> _Model | None:
        """Remove a section from the tree, and read it."""
        given = tree.pop(key, None)
        return self._validated(model, {} if given is None else given, key)

    def _validated(self, model: type[_Model], tree: object, prefix: str) -> _Model | None:
        try:
            return model.model_validate(tree)
        except ValidationError as error:
            self.problems += explain(error, model, prefix)
            return leniently(model, without_mistakes(tree, error))

    def _caps(self, tree: dict[str, object]) -> CapsSettings | None:
        budget = tree.get("budget")
        caps = apart(budget)[0] if isinstance(budget, Mapping) else {}
        given = {key: value for key, value in caps.items() if value is not None}
        return self._validated(CapsSettings, given, "budget")

    def _trials(
        self, tree: dict[str, object], search: SearchSettings | None, caps: CapsSettings | None
    ) -> int | None:
        """Leave the trial's fields of `budget` in the tree; check budget.trials, which a grid and
        a sweep that a cap ends do not need."""
        budget = tree.get("budget")
        trials = None
        if isinstance(budget, Mapping):
            tree["budget"] = apart(budget)[1]
            trials = budget.get("trials")
        if trials is None:
            wrong = any(problem.place.startswith("budget.") for problem in self.problems)
            number, problems = unnumbered(caps, search, wrong)
        else:
            number, problems = checked_trials(trials)
        self.problems += problems
        return number

    def _trial(
        self, tree: Mapping[str, object], slots: SlotsSettings | None, trials: int | None
    ) -> TrialConfig | None:
        unknown = [
            key for key in tree if key not in TrialConfig.model_fields and "." not in str(key)
        ]
        known = [*TrialConfig.model_fields, "name", "space", *SECTIONS]
        for key in unknown:
            place = str(key) or "''"
            remedy = instead_of(str(key), known)
            self.problems.append(Problem(place, "is not a known field", remedy))
        if "deepspeed" in tree:
            remedy = "set slots.deepspeed instead"
            self.problems.append(Problem("deepspeed", "cannot be set here", remedy))
        if "seed" in tree and trials != 1:
            message = "can be set only for a single trial (budget.trials: 1)"
            self.problems.append(Problem("seed", message, "set search.seed instead"))
        known_fields = {key: value for key, value in tree.items() if key not in unknown}
        for key in set_twice(known_fields):
            self.problems.append(Problem(key, "is set twice", "keep one of them"))
        try:
            fields = undotted(known_fields)
        except YamlError as error:
            self.problems.append(Problem("spec", str(error), "keep one of them"))
            return None
        if slots and slots.engine:
            fields["deepspeed"] = slots.engine.model_dump()
        return self._validated(TrialConfig, fields, "")

    def _space(
        self, tree: object, fields: Mapping[str, object], search: SearchSettings | None
    ) -> tuple[Space | None, list[Mapping[str, Value]]]:
        try:
            tree, preset_points = with_preset(tree, fields)
        except SpaceError as error:
            self.problems += [problem.under("space") for problem in error.problems]
            return None, []
        space = self._parsed_space(tree)
        if space is None:
            return None, []
        points: list[Mapping[str, Value]] = list(presets.fitting(preset_points, space))
        for number, point in enumerate(search.first_points if search else (), 1):
            try:
                points.insert(number - 1, space.parse_point(point, partial=True))
            except SpaceError as error:
                place = f"search.first_points[{number}]"
                self.problems += [problem.under(place) for problem in error.problems]
        return space, points

    def _parsed_space(self, tree: object) -> Space | None:
        try:
            return Space.parse(tree, fields_of_trials(), NOT_SEARCHABLE)
        except SpaceError as error:
            self.problems += [problem.under("space") for problem in error.problems]
            wrong = {problem.place.partition("[")[0] for problem in error.problems}
        if not isinstance(tree, Mapping):
            return None
        try:
            return Space.parse({k: v for k, v in tree.items() if k not in wrong})
        except SpaceError:
            return None
