"""The sets of a trial: split, prepared once, and summarised."""
