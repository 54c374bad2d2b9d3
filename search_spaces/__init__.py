"""Search spaces: the hyperparameters that may vary."""
