"""The memory that a trial needs, known without its weights and without a GPU."""
