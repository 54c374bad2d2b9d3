"""The model card of an export: a README.md with the hub's metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

import yaml

from results.export.exported import Exported


def card(model: Exported) -> str:
    """The card as text. Every figure in it was measured."""
    parts = [_metadata(model), f"# {model.title}", _how(model), _use(model), _measured(model)]
    parts += [_settings(model), _data(model), _again(model)]
    return "\n\n".join(parts) + "\n"


def _metadata(model: Exported) -> str:
    tree: dict[str, object] = {
        "library_name": "transformers" if model.whole else "peft",
        "tags": ["winnow", model.objective, model.method],
    }
    if model.generates:
        tree["pipeline_tag"] = "text-generation"
    elif model.objective == "classification":
        tree["pipeline_tag"] = "text-classification"
    if not model.base.is_folder:
        tree["base_model"] = model.base.name
    if model.base.license:
        tree["license"] = model.base.license
    return f"---\n{yaml.safe_dump(tree, sort_keys=True, allow_unicode=True)}---"


def _how(model: Exported) -> str:
    form = "A whole model" if model.whole else "An adapter"
    merged = " with its adapter merged in" if model.whole and model.dtype else ""
    stored = f", in {model.dtype}" if model.dtype else ""
    rank = f"It ranked {model.place} of" if model.place else "It was one of"
    return (
        f"{form}{merged}{stored}: {_base(model)}, fine-tuned by method {model.method} for "
        f"objective {model.objective}. {rank} the {model.trials} trials of a hyperparameter search "
        f"by {' and '.join(model.sweep.goals)}, each trained once.{_repeated(model)}\n\n"
        f"The sweep's verdict: {_cell(model.verdict)}\n\n"
        f"{_license(model)}"
    )


def _repeated(model: Exported) -> str:
    if model.trial.confirms is None:
        return ""
    return (
        " The best of them were trained again with fresh seeds and compared by their means. These "
        "weights are of the seed of this trial with the best value on the validation set."
    )


def _base(model: Exported) -> str:
    base = model.base
    if base.is_folder:
        # Who has a whole model needs no path of the machine that made it.
        place = PurePath(base.name).name if model.whole else base.name
        return f"the model in the folder {_code(place)}"
    return _code(f"{base.name}@{base.revision}" if base.revision else base.name)


def _license(model: Exported) -> str:
    if model.base.license:
        return f"License of the base: {model.base.license}. It binds this model as well."
    return "License of the base: not stated by its files. Look it up before passing this model on."


def _use(model: Exported) -> str:
    where = 'folder = "."  # this folder\n'
    lines = f"## Use\n\n```python\n{where}\n{model.loading}```"
    if model.generates:
        return lines
    return f"{lines}\n\nIn training each text ended in the tokenizer's eos token; append it."


def _measured(model: Exported) -> str:
    rows = ["| metric | this model | untouched base |", "| --- | --- | --- |"]
    names = sorted(model.measured.metrics, key=lambda name: name not in model.sweep.goals)
    for name in names:
        value = f"{model.measured.metrics[name]:.4f}"
        if name == "eval_loss" and model.error is not None:
            value += f" ± {model.error:.4f}"
        base = model.sweep.base.get(name)
        rows.append(f"| {_cell(name)} | {value} | {'' if base is None else f'{base:.4f}'} |")
    for name, figure in model.trial.test.items():
        base = model.sweep.base.get(name)
        rows.append(f"| {_cell(name)} | {figure:.4f} | {'' if base is None else f'{base:.4f}'} |")
    return "\n".join(["## Measured", "", *rows, "", *_remarks(model)])


def _remarks(model: Exported) -> Iterator[str]:
    yield (
        "`eval_` is the validation set, by which the trial was selected, so that its figures "
        "flatter the model. ± is one standard error over the validation examples; another seed of "
        "the training may differ by more."
    )
    if model.trial.test:
        yield "`test_` is the test set, which was never used for selection."
    yield ""
    if model.cost is None:
        yield "The exported files have not been measured again."
    else:
        yield (
            "The exported files, loaded in a fresh process by the lines above and measured again: "
            f"eval_loss {model.again['eval_loss']:.4f}, {model.cost:+.2g} against the trial."
        )


def _settings(model: Exported) -> str:
    skipped = ("data.", "model", "seed")
    rows = [
        f"| {_cell(name)} | {_cell(value)} |{' searched' if name in model.trial.params else ''} |"
        for name, value in model.trial.config.items()
        if not name.startswith(skipped)
    ]
    rows += [f"| {_cell(name)} | {value} | to fit memory |" for name, value in _repairs(model)]
    return "\n".join(["## Settings", "", "| setting | value | |", "| --- | --- | --- |", *rows])


def _repairs(model: Exported) -> Iterator[tuple[str, int]]:
    yield from model.trial.repairs.items()


def _data(model: Exported) -> str:
    files = ", ".join(map(_code, model.train))
    seen = model.trial.provenance.data_fingerprint if model.trial.provenance else ""
    lines = [f"Trained on {files}.", "", "```text", model.data.replace("```", "'''"), "```"]
    lines += ["", f"Fingerprint of the prepared data: `{seen}`."] if seen else []
    return "\n".join(["## Data", "", *lines])


def _again(model: Exported) -> str:
    versions = model.trial.provenance.versions if model.trial.provenance else {}
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "## Train it again\n\n"
        "`sh reproduce.sh FOLDER` trains this one trial again from `trial.yaml`, with the versions "
        "in `requirements.txt`; FOLDER is the one that the paths in `trial.yaml` start at.\n\n"
        f"Trained with: {used or 'unknown versions'}."
    )


def _cell(value: object) -> str:
    """Text in a table: on one line, without its separators and tags."""
    text = " ".join(str(value).split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _code(name: str) -> str:
    """A name as code; names may hold the very quotes of Markdown."""
    text = " ".join(name.split())
    return f"`` {text} ``" if "`" in text else f"`{text}`"
