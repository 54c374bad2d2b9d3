"""What trials are measured on: the validation set and the general set, whole or in part."""
