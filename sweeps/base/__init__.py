"""What all rooms of sweeps need: errors, views, and a process left as it was."""
