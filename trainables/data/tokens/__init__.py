"""Tokens, sequences and batches, in memory and on disk."""
