"""Verbs that run a sweep, or look at one that runs."""
