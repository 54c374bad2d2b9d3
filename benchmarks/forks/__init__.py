"""What forks save, cost and find."""
