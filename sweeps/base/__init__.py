"""Shared by all subpackages: errors, views, and process state."""
