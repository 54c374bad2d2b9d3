"""One file for each kind of advice."""
