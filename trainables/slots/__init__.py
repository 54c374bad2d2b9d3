"""Warm slots: Ray Train runs that take trial after trial from a board."""
