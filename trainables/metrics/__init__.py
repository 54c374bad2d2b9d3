"""Metrics, one file per family: name, direction, unit and computation."""
