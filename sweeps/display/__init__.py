"""The display of a running sweep: in a terminal, in a pipe or on another machine."""
