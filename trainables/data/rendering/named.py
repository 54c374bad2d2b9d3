"""Chat templates by name or file, in place of a tokenizer's own."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

from trainables.config.data import TEMPLATES
from trainables.core.data_error import DataError, did_you_mean, said
from trainables.data.tokens.tokenizer import Tokenizer, leading_bos

_LARGEST = 2**20
"""Maximum bytes of a template: the longest known ones have 20,000."""

_BOS = "{{- bos_token -}}"


def use_template(tokenizer: Tokenizer, wanted: str) -> None:
    """Give the tokenizer the template `wanted`: one of TEMPLATES, or a Jinja file.

    A named template begins with bos if the tokenizer begins texts with it. DataError if there is
    no such template, or it is not valid Jinja.
    """
    text = template_text(wanted)
    if wanted in TEMPLATES and leading_bos(tokenizer):
        text = _BOS + text
    _check(text, wanted)
    tokenizer.chat_template = text


def template_text(wanted: str) -> str:
    """The text of a template; DataError if there is none."""
    if wanted in TEMPLATES:
        return (files(__package__) / "templates" / f"{wanted}.jinja").read_text(encoding="utf-8")
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise DataError(
            f"data.template: {wanted} is no file (looked from {Path.cwd()}) and no named template; "
            f"{did_you_mean(wanted, TEMPLATES)}"
        )
    if path.stat().st_size > _LARGEST:
        raise DataError(
            f"data.template: {wanted} has {path.stat().st_size:,} bytes, too many for a template; "
            "name a Jinja file"
        )
    try:
        return path.read_text(encoding="utf-8")
    except ValueError as error:
        raise DataError(f"data.template: {wanted} is not text ({said(error)})") from error


def template_identity(wanted: str | None) -> str | None:
    """A digest of a template's text; None if the tokenizer's own is used."""
    return hashlib.sha256(template_text(wanted).encode()).hexdigest() if wanted else None


def _check(text: str, wanted: str) -> None:
    from jinja2 import TemplateSyntaxError
    from transformers.utils.chat_template_utils import _compile_jinja_template

    if not text.strip():
        raise DataError(f"data.template: {wanted} is empty; name a Jinja file")
    try:
        _compile_jinja_template(text)
    except TemplateSyntaxError as error:
        reason = str(error.message).rstrip(".")
        raise DataError(
            f"data.template: {wanted} line {error.lineno} is not valid Jinja ({reason}); correct it"
        ) from error
