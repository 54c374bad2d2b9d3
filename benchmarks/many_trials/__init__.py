"""What a sweep of many trials costs besides training: driver, study, board, and commands."""
