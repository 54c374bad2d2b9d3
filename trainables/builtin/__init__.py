"""The model and the data that come with the package: `builtin:pydoc`, made without a network."""
