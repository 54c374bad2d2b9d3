"""A user's own metrics of generated answers, computed outside the trainer's process."""
