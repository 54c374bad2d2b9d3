"""A trial's configuration, section by section, and what it refuses."""
