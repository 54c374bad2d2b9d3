"""What is minimised, and what is measured of each example: torch's side of the objectives."""
