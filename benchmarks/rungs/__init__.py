"""Decisions of early stopping on a part of the validation set, replayed on real trials."""
