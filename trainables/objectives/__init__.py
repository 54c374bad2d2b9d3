"""What a trial can learn, one file an objective: its settings, and what it goes together with."""
