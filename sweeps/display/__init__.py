"""What is shown while a sweep runs, in a terminal, in a pipe or from afar."""
