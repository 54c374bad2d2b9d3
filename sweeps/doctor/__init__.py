"""Checks of a machine and a cluster before a sweep: `sweep doctor`."""
