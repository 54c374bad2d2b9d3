"""Checks of machines before trial 1: facts are gathered on each, and judged apart."""
