"""The winners of a sweep, and the certainty of their lead."""
