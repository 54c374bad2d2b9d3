"""Which trial won, and how sure that is."""
