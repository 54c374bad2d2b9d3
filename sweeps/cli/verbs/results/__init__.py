"""Verbs for what came of sweeps."""
