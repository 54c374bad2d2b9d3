"""Answers that the model in training writes to training prompts, their rewards and advantages."""
