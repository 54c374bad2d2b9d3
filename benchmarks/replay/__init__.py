"""Searches replayed on tables of real training runs. See __main__.py."""
