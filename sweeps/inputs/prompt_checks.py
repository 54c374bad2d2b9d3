"""Prompts with answers that do not fit the model, which are known only once the data are read."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.base.errors import SweepError
from sweeps.inputs.right_answers import check_answered
from sweeps.spec.encoders import encoders
from sweeps.spec.reach import reachable
from sweeps.spec.spec import SweepSpec
from trainables.config.evaluation import EvaluationConfig
from trainables.core.data_error import short
from trainables.core.model_source import ModelSource
from trainables.data.retrieval.chats import count_chats
from trainables.data.tokens.prompts import Prompts, has_text
from trainables.data.tokens.tokenizer import context_length, hub_file
from trainables.methods.few_shot import FEW_SHOT, FewShotConfig
from trainables.metrics.matching import ANSWER_EQUALITY, marked
from trainables.metrics.registry import GENERATED
from trainables.metrics.written import said
from trainables.training.inputs import Prepared

_OF_AN_ENCODER = ("modules.json", "config.json")
"""A model of sentence-transformers has one of these."""


def check_prompts(spec: SweepSpec, prepared: Prepared) -> None:
    """SweepError if a prompt and its answer may be longer than the model's context, if prompts
    need more examples than there are, or if a metric or a sample can find nothing in them."""
    _check_examples(spec, prepared)
    _check_encoders(spec)
    settings, data, inputs = spec.trial.evaluation, spec.trial.data, prepared.inputs
    if not settings.metrics or data is None:
        return
    _check_samples(settings.samples, Prompts(inputs.validation))
    context = context_length(inputs.model)
    measured = [folder for folder in (inputs.validation, inputs.test) if folder]
    check_answered(spec, [*measured, *([inputs.train] if spec.trial.learns.rolls_out else [])])
    for folder in measured:
        prompts = Prompts(folder)
        chosen = prompts.chosen(settings.prompts, data.seed, settings.samples)
        _check_references(settings.metrics, prompts, chosen)
        _try_pattern(settings, prompts, chosen)
        _check_lengths(settings, prompts, chosen, context)
    if spec.trial.learns.rolls_out:
        prompts = Prompts(inputs.train)
        _check_lengths(settings, prompts, range(len(prompts)), context)


def _check_lengths(
    settings: EvaluationConfig, prompts: Prompts, chosen: Sequence[int], context: int | None
) -> None:
    """SweepError if a prompt and its answer may be longer than the context, if that is known."""
    longest = prompts.longest(chosen)
    if context is None or longest + settings.max_new_tokens <= context:
        return
    room = context - longest
    way_out = (
        f"lower it to {room:,}" if room > 0 else "remove or shorten the longest chats"
    ) + ", or use a model with a longer context"
    raise SweepError(
        f"evaluation.max_new_tokens {settings.max_new_tokens:,}: the longest of the "
        f"{len(chosen):,} prompts has {longest:,} tokens, and the model's context is "
        f"{context:,}; {way_out}"
    )


def _check_encoders(spec: SweepSpec) -> None:
    """SweepError if an encoder is no model. Weights are left to the slots: they may be large."""
    for name, place in encoders(spec.trial, spec.space).items():
        source = ModelSource(name)
        folder = source.folder
        found = (folder / each if folder else hub_file(source, each) for each in _OF_AN_ENCODER)
        if any(file is not None and file.is_file() for file in found):
            continue
        files = " nor ".join(_OF_AN_ENCODER)
        if folder:
            raise SweepError(f"{place}: folder {name} has neither {files}; name a model's folder")
        raise SweepError(
            f"{place}: {name} is no folder, and neither {files} could be loaded from the hub; "
            "check the spelling and the network, or download it and name its folder"
        )


def _check_examples(spec: SweepSpec, prepared: Prepared) -> None:
    """SweepError if a prompt asks for more examples than there are."""
    points = reachable(spec.space, ["method", "few_shot.count"])
    for point in points:
        if point.get("method", spec.trial.method) != FEW_SHOT.name:
            continue
        count = spec.trial.with_params(point).settings(FewShotConfig).count
        known = count_chats(prepared.inputs.train)
        if count > known:
            raise SweepError(
                f"few_shot.count {count:,}: the training set has {known:,} examples; lower it to "
                f"{known:,}, or add examples"
            )


def _check_samples(texts: Sequence[str], prompts: Prompts) -> None:
    """SweepError for a text that is in no prompt."""
    for text in texts:
        if not any(has_text(question, [text]) for question in prompts.questions):
            raise SweepError(
                f"evaluation.samples: {short(text)!r} is in none of the {len(prompts):,} prompts "
                "of the validation set; name a text of one, or leave it out"
            )


def _try_pattern(settings: EvaluationConfig, prompts: Prompts, chosen: Sequence[int]) -> None:
    """SweepError if the pattern of final answers hangs on a reference."""
    if ANSWER_EQUALITY.name not in settings.metrics:
        return
    try:
        for number in chosen:
            for reference in prompts[number].references:
                marked(said(reference), settings.answer_pattern)
    except ValueError as error:
        raise SweepError(f"{error}. It was tried on the reference answers.") from error


def _check_references(metrics: Sequence[str], prompts: Prompts, chosen: Sequence[int]) -> None:
    """SweepError for a metric to which no reference could ever answer."""
    references = [each for number in chosen for each in prompts[number].references]
    for name in metrics:
        wants = GENERATED[name].wants if name in GENERATED else None
        if wants and not any(map(wants, references)):
            raise SweepError(
                f"{name}: none of the {len(references):,} reference answers is "
                f"{GENERATED[name].wanted}; the first is {short(references[0])!r}. Use another "
                "metric"
            )
