"""Verbs for before a sweep: what it needs, reads, and would find."""
