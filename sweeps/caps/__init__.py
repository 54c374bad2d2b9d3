"""The caps of a sweep: what is spent, what a trial will need, and whether it may begin."""
