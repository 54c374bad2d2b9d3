"""The `sweep` command: options, errors, and dispatch to the packages that do the work."""
