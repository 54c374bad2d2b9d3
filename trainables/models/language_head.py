"""Whether a model writes: a head over the vocabulary, known before the model is loaded."""

from __future__ import annotations

import re

from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import config_file
from trainables.models.model_file import read, strings
from trainables.models.weight_files import has_weights, shapes_in, weight_files

_WRITES = re.compile(r"CausalLM|LMHead|ConditionalGeneration")
"""In transformers' names of models that write."""

_JUDGES = re.compile(r"Classification$|QuestionAnswering$|MultipleChoice$|RewardModel")
"""In the names of models with another head."""

HEADS = ("score", "classifier", "classification_head")
"""transformers' names of heads that rate a text, in the names of weights."""

_OVER_THE_VOCABULARY = ("lm_head", "embed_out", "output_layer")
"""The same of heads that write."""


def check_language_head(source: ModelSource) -> None:
    """ModelError for a classifier or a reward model: its language head would be random numbers.

    A hub model is known by its config only.
    """
    if held := _instead(source):
        raise ModelError(
            f"model: {source.name} {held}: it has a head in place of the vocabulary, and writes "
            "nothing; name a model that writes, such as the one that it was trained from"
        )


def is_of_head(weight: str) -> bool:
    """Whether the name of a weight is that of a head that rates a text."""
    return any(part in HEADS for part in weight.split("."))


def _instead(source: ModelSource) -> str | None:
    """What the model is if it writes nothing, in words."""
    file = config_file(source)
    if file is None or not file.is_file():
        return None  # loading the tokenizer reports it
    about = read(file)
    kinds = [*strings(about.get("architectures"))]
    writes = any(_WRITES.search(kind) for kind in kinds)
    if not writes and (found := next(filter(_JUDGES.search, kinds), None)):
        return f"is a {found}"
    folder, tied = source.folder, about.get("tie_word_embeddings", True)
    if folder is None or not has_weights(folder) or (writes and tied):
        return None
    weights = shapes_in(weight_files(folder))
    head = next(filter(is_of_head, weights), None)
    if head is None or any(_is_over_the_vocabulary(weight) for weight in weights):
        return None
    return f"has the weights {head} and none of a language head"


def _is_over_the_vocabulary(weight: str) -> bool:
    return any(part in _OVER_THE_VOCABULARY for part in weight.split("."))
