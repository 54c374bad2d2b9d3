"""The `sweep` command: what it takes, what it refuses, and which room does the work."""
