"""Verbs that check a sweep before it runs: what it needs, reads, and would find."""
