"""Remarks on a valid spec that a user should know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from search_spaces import presets
from search_spaces.dimension import Dimension
from search_spaces.domains import Choice
from search_spaces.dotted import leaves
from search_spaces.values import show
from sweeps.samplers.registry import DEFAULT_SAMPLER
from sweeps.spec.combinations import why_all_alone
from sweeps.spec.encoders import idle_encoders
from sweeps.spec.generation import usual_mode
from sweeps.spec.reach import reachable
from trainables.config.judge import JudgeMetric
from trainables.config.sections import CHOOSE, reads
from trainables.core.lookup import PassageFields
from trainables.methods.registry import METHODS
from trainables.metrics.formula import parts_of
from trainables.objectives.policy import RlConfig

if TYPE_CHECKING:
    from sweeps.spec.spec import SweepSpec


_SCALED_BY_BETA = (
    "eval_loss",
    "eval_reward_margin",
    "eval_chosen_reward",
    "eval_rejected_reward",
)


def notes(spec: SweepSpec) -> list[str]:
    """All remarks, each of a sentence or two."""
    return [
        *small_space(spec),
        *_unequal_budgets(spec),
        *_fewer_steps(spec),
        *_nothing_to_stop(spec),
        *_idle_patience(spec),
        *_idle_lanes(spec),
        *_without_answers(spec),
        *_idle_examples(spec),
        *_idle_ramp(spec),
        *_idle_encoders(spec),
        *_idle_passages(spec),
        *_idle_ranges(spec),
        *_foreign_preset(spec),
        *_unread(spec),
        *_left_at_one_value(spec),
        *_sampled_by_themselves(spec),
        *_foreign_code(spec),
        *_moving_yardstick(spec),
        *_backwards(spec),
        *_rewarded_backwards(spec),
        *_of_the_sampler(spec),
        *_many_weights(spec),
    ]


def small_space(spec: SweepSpec) -> Iterable[str]:
    """A space with fewer combinations than trials asked for."""
    if spec.exhausts_space:
        count = f"{spec.trials} combination{'s' * (spec.trials != 1)}"
        yield (
            f"The space has {count}, fewer than budget.trials {spec.asked_trials}. None is trained "
            f"twice, so the sweep ends after {spec.trials} trial{'s' * (spec.trials != 1)}."
        )


def _unequal_budgets(spec: SweepSpec) -> Iterable[str]:
    if "batch_size" in spec.space and spec.trial.budget.steps is not None:
        units = "epochs" if spec.trial.learns.rolls_out else "tokens or epochs"
        yield (
            "batch_size is searched and the budget is in steps: trials with larger batches see "
            f"more data. A budget in {units} gives all trials the same data."
        )


def _fewer_steps(spec: SweepSpec) -> Iterable[str]:
    """A budget in epochs or tokens is checked once the data are known; see budgets.py."""
    steps, evaluations = spec.trial.budget.steps, spec.trial.budget.evaluations
    if steps is not None and steps < evaluations and spec.trial.learns.trains:
        yield (
            f"budget.evaluations {evaluations} is more than budget.steps {steps}, and a step is "
            "measured only once; raise budget.steps, or lower budget.evaluations."
        )


def _nothing_to_stop(spec: SweepSpec) -> Iterable[str]:
    if spec.search.early_stopping_kind.stops and spec.trial.budget.evaluations == 1:
        yield (
            f"early_stopping {spec.search.early_stopping} has no effect with budget.evaluations 1."
        )


def _idle_patience(spec: SweepSpec) -> Iterable[str]:
    """Patience that outlasts what it is to end."""
    trials, evaluations = spec.budget_trials, spec.trial.budget.evaluations
    patience, of_trial = spec.caps.patience, spec.search.trial_patience
    if patience is not None and trials is not None and patience >= trials:
        yield (
            f"budget.patience {patience} has no effect: the sweep has "
            f"{trials} trial{'s' * (trials != 1)}, so it ends before; set less."
        )
    if of_trial is not None and of_trial >= evaluations - 1:
        way_out = f"set at most {evaluations - 2}" if evaluations > 2 else "leave it out"
        yield (
            f"search.trial_patience {of_trial} has no effect with budget.evaluations "
            f"{evaluations}: a trial ends before; {way_out}."
        )


def _idle_lanes(spec: SweepSpec) -> Iterable[str]:
    """A number asked for; auto is one without a word."""
    lanes = spec.slots.lanes
    if lanes in (1, "auto") or not spec.trial.learns.trains:
        return
    if why := why_all_alone(spec.trial, spec.space):
        yield f"slots.lanes {lanes} has no effect: {why}; leave it out."


def _without_answers(spec: SweepSpec) -> Iterable[str]:
    """Settings of generation where no metric reads answers."""
    settings = spec.trial.evaluation
    of_answers = sorted(
        settings.model_fields_set - {"metrics", "formulas", "time_share", "examples"}
    )
    names = [f"evaluation.{name}" for name in of_answers]
    if names and not settings.metrics and spec.trial.learns.trains:
        yield (
            f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} no effect: no metric of "
            "generated answers is searched or named in evaluation.metrics."
        )


def _idle_examples(spec: SweepSpec) -> Iterable[str]:
    if spec.trial.evaluation.examples in ("all", "auto"):
        return
    why = ""
    if not spec.trial.learns.trains:
        why = f"objective {spec.trial.objective} measures no examples"
    elif spec.trial.budget.evaluations == 1:
        why = "with budget.evaluations 1 the only evaluation is the one at a trial's end"
    if why:
        yield f"evaluation.examples has no effect: {why}."


def _idle_ramp(spec: SweepSpec) -> Iterable[str]:
    """How long a ramp lasts, where there is none."""
    given = {f"batch_ramp.{name}" for name in spec.trial.batch_ramp.model_fields_set}
    given |= {*spec.space}
    ramps = spec.trial.batch_ramp.start_fraction < 1 or "batch_ramp.start_fraction" in spec.space
    if "batch_ramp.fraction" in given and not ramps:
        yield "batch_ramp.fraction has no effect with batch_ramp.start_fraction 1: nothing grows."


def _idle_encoders(spec: SweepSpec) -> Iterable[str]:
    for field in idle_encoders(spec.trial, spec.space):
        section = field.partition(".")[0]
        yield f"{field} has no effect: only {section}.retriever: dense uses it."


def _idle_passages(spec: SweepSpec) -> Iterable[str]:
    """How passages are cut and laid out, where examples are looked up."""
    retrieve = spec.trial.data.retrieve if spec.trial.data else None
    if retrieve and retrieve.source == "examples":
        for name in sorted(retrieve.model_fields_set & PassageFields.model_fields.keys()):
            yield f"data.retrieve.{name} has no effect with data.retrieve.source: examples."


def _idle_ranges(spec: SweepSpec) -> Iterable[str]:
    for name, metric in spec.trial.metrics.items():
        if (
            isinstance(metric, JudgeMetric)
            and metric.compares
            and "range" in metric.model_fields_set
        ):
            yield f"metrics.{name}.range has no effect with ask: pairwise."


def _foreign_preset(spec: SweepSpec) -> Iterable[str]:
    tree = spec.tree.get("space")
    name = tree.get("preset") if isinstance(tree, Mapping) else tree
    if name is None:
        return
    made_for = presets.load(str(name)).method
    methods = _possible(spec, "method", spec.trial.method)
    if made_for and made_for not in methods and spec.trial.learns.trains:
        yield (
            f"The ranges and first points of preset {name} are made for method {made_for}, but the "
            f"trials use {' or '.join(methods)}."
        )


def _unread(spec: SweepSpec) -> Iterable[str]:
    """Settings that no trial of the sweep reads."""
    if not spec.trial.learns.trains:
        return
    chosen = _chosen(spec)
    fixed = leaves(spec.trial.model_dump(exclude_unset=True))
    for how, names in (("searched", spec.space), ("set", fixed)):
        unread = [name for name in names if not reads(name, chosen)]
        if unread:
            said = ", ".join(f"{name} {' or '.join(values)}" for name, values in chosen.items())
            yield (
                f"{', '.join(unread)}: {how}, but no trial reads "
                f"{'them' if len(unread) > 1 else 'it'} ({said})."
            )


def _left_at_one_value(spec: SweepSpec) -> Iterable[str]:
    """Fields searched for some methods but fixed for another that reads them."""
    chosen = _chosen(spec)
    for name, dimension in spec.space.items():
        if set(dimension.parents) != {"method"}:
            continue
        points = reachable(spec.space, ["method", name])
        without = (str(point["method"]) for point in points if name not in point)
        left = [each for each in without if reads(name, {**chosen, "method": (each,)})]
        if left:
            value = spec.trial.with_params({"method": left[0]}).flat().get(name, "unset")
            yield f"{name} is {show(value)} in all trials of method {' and '.join(left)}."


def _sampled_by_themselves(spec: SweepSpec) -> Iterable[str]:
    """Searched fields that the sampler draws at random, independently of others."""
    kind = spec.search.sampler_kind
    loose = [
        name
        for name, dimension in spec.space.items()
        if (dimension.parents and not kind.conditions)
        or (_is_choice(dimension) and not kind.choices)
    ]
    known = {"conditions": kind.conditions, "choices": kind.choices}
    unknown = " and no ".join(what for what, is_known in known.items() if not is_known)
    if loose:
        yield (
            f"{kind.name} draws {', '.join(loose)} at random, each by itself: it knows "
            f"no {unknown}. {DEFAULT_SAMPLER} does."
        )


def _moving_yardstick(spec: SweepSpec) -> Iterable[str]:
    """Searching what scales the losses and rewards of preferences, learned or not."""
    for name in ("dpo.beta", "orpo.beta", "simpo.beta", "simpo.gamma", "kto.beta"):
        parts = [part for goal in spec.search.goals for part in parts_of(goal)]
        scaled = [each for each in parts if each in _SCALED_BY_BETA]
        if name in spec.space and scaled:
            yield (
                f"{name} is searched, and {scaled[0]} scales with it, so it cannot compare trials "
                "with different values. search.metric: eval_reward_accuracy can."
            )


def _of_the_sampler(spec: SweepSpec) -> Iterable[str]:
    sampler = spec.search.sampler_kind.with_options(spec.search.sampler_options)
    return sampler.notes(spec.trials)


def _many_weights(spec: SweepSpec) -> Iterable[str]:
    possible = set(_possible(spec, "method", spec.trial.method))
    whole = {name for name in possible & set(METHODS) if METHODS[name].trains_base}
    if spec.search.metrics and whole and spec.trial.learns.trains:
        yield (
            "The weights of every trial on the front are kept, in the sweep folder and in MLflow: "
            f"with method {' or '.join(sorted(whole))} each of them is a whole model."
        )


def _backwards(spec: SweepSpec) -> Iterable[str]:
    for name, mode in spec.search.goals.items():
        usual = usual_mode(spec.trial, name)
        if usual not in (mode, None):
            yield f"{name} is searched for its {mode}imum, although its {usual}imum is best."


def _rewarded_backwards(spec: SweepSpec) -> Iterable[str]:
    """Rewards whose weights make answers worse by their metrics."""
    if not spec.trial.learns.rolls_out:
        return
    for name, weight in spec.trial.settings(RlConfig).rewards.items():
        usual = usual_mode(spec.trial, name)
        if usual is not None and (usual == "min") == (weight > 0):
            wanted = "large" if weight > 0 else "small"
            yield (
                f"rl.rewards: {name} has weight {weight:g}, which rewards {wanted} values, "
                f"although its {usual}imum is best; for the contrary, give it weight {-weight:g}."
            )


def _chosen(spec: SweepSpec) -> dict[str, tuple[str, ...]]:
    """The possible values of the fields on which it depends what a trial reads."""
    fixed = leaves(spec.trial.model_dump())
    return {name: _possible(spec, name, str(fixed[name])) for name in CHOOSE}


def _possible(spec: SweepSpec, name: str, fixed: str) -> tuple[str, ...]:
    """The values of a field in the sweep."""
    dimension = spec.space.get(name)
    if dimension is None:
        return (fixed,)
    return tuple(str(value) for domain in dimension.domains for value in domain.grid())


def _is_choice(dimension: Dimension) -> bool:
    return any(isinstance(domain, Choice) for domain in dimension.domains)


def _foreign_code(spec: SweepSpec) -> Iterable[str]:
    if spec.trial.trust_remote_code:
        yield (
            f"trust_remote_code: Python code that comes with {spec.trial.model} may run, with all "
            "your rights, here and in every worker."
        )
