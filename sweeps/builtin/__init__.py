"""The model and the data that come with the package: `builtin:pydoc`, made without a network."""

PREFIX = "builtin:"
"""Begins the names of models and data that the package makes by itself."""
