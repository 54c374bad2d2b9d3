"""Losses and measurements of each example: torch's side of the objectives."""
