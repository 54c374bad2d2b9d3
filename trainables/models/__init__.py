"""A model's files, looked at before anything is built of them, and its parts."""
