"""A trial's model: which trial, its files, and earlier winners as models to start from."""
