"""Texts as unit vectors, for comparisons of meaning."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import torch

from trainables.config.trial import TrialConfig
from trainables.core.data_error import said
from trainables.core.errors import RefusedError
from trainables.core.lookup import ENCODER_EXTRA, ENCODER_PACKAGE
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress
from trainables.core.progress_bars import no_progress_bars
from trainables.data.retrieval.ranking import Embed, Vectors
from trainables.data.tokens.tokenizer import Tokenizer, encode
from trainables.losses.forward import evaluating
from trainables.training.base import autocast


class StateMeans:
    """The mean of a model's last hidden states over a text's tokens, of length 1.

    Texts are cut to the model's context.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: Tokenizer,
        config: TrialConfig,
        context: int | None,
        device: torch.device,
        progress: Progress,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._config = config
        self._context = context
        self._device = device
        self._progress = progress

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """The vectors of the texts, in rows."""
        ids = [each[: self._context] or [0] for each in encode(self._tokenizer, texts)]
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        size = self._config.micro_batch_size
        found: dict[int, Vectors] = {}
        with self._progress.phase("embedding", len(texts)) as gauge:
            for at in range(0, len(order), size):
                batch = order[at : at + size]
                found |= zip(batch, self._vectors([ids[n] for n in batch]), strict=True)
                gauge.advance(len(batch))
        return np.stack([found[place] for place in range(len(texts))])

    @torch.no_grad()
    def _vectors(self, batch: Sequence[list[int]]) -> Vectors:
        longest = max(map(len, batch))
        rows = torch.tensor([ids + [0] * (longest - len(ids)) for ids in batch])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in batch])
        rows, mask = rows.to(self._device), mask.to(self._device)
        with autocast(self._config, self._device), evaluating(self._model):
            backbone = self._model.base_model
            assert isinstance(backbone, torch.nn.Module), "transformers' name of a model's body"
            states = backbone(input_ids=rows, attention_mask=mask, use_cache=False)
        means = (states.last_hidden_state.float() * mask.unsqueeze(-1)).sum(1)
        vectors: Vectors = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
        return vectors


def encoder_of(name: str, device: torch.device) -> Embed:
    """A sentence-transformers model; RefusedError if it cannot be loaded."""
    if find_spec("sentence_transformers") is None:
        raise RefusedError(
            f"encoder {name} needs {ENCODER_PACKAGE}, which is not installed: pip install "
            f"{ENCODER_EXTRA}, or leave it out to compare the base's own states"
        )
    from sentence_transformers import SentenceTransformer

    try:
        with no_progress_bars():
            model = SentenceTransformer(str(ModelSource(name).folder or name), device=str(device))
    except Exception as error:  # library boundary: a bad model can raise anything
        raise RefusedError(
            f"encoder {name} cannot be loaded: {said(error)}; name another, or leave it out to "
            "compare the base's own states"
        ) from error

    def embed(texts: Sequence[str]) -> Vectors:
        vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        found: Vectors = np.asarray(vectors, np.float32)
        return found

    return embed
