"""The sets of a trial: shared out, prepared once, and summed up."""
