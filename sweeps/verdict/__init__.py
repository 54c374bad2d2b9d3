"""The verdict on a sweep, in sentences backed by measurements."""
