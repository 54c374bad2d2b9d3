"""Built-in model and data: `builtin:pydoc`, built without a network."""

PREFIX = "builtin:"
"""Prefix of the names of built-in models and data."""
