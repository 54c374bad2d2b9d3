"""A model's files, checked before anything is built from them, and its tuned parts."""
