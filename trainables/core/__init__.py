"""Shared by all packages of trainables: errors, ranks, progress, whole folders."""
