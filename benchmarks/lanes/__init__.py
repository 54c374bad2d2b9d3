"""Lanes: their speed, and what sweeps with and without them measure."""
