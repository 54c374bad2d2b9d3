"""Whether a trial's sequences fit into its model. Light, so that a launch can check it."""

from __future__ import annotations

from trainables.config.trial import TrialConfig
from trainables.core.errors import RefusedError


def refuse_length(config: TrialConfig, context: int | None, longest: int) -> None:
    """Refuse a method's virtual tokens that leave no room for sequences of up to `longest` tokens.

    Otherwise a model with one embedding for each position fails, on a GPU beyond recovery.
    """
    added = config.tunes.virtual_tokens(config)
    if context is not None and added and added + longest > context:
        raise RefusedError(
            f"{config.method}.virtual_tokens {added} and sequences of up to {longest} tokens are "
            f"more than the {context} of the model's context; set data.max_length: "
            f"{context - added}, or use fewer virtual tokens"
        )
