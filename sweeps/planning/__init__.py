"""What fits on which card, for every combination of a sweep, before it costs anything."""
