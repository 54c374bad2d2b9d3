"""Verbs for the models that a sweep leaves."""
