"""A sweep's Ray cluster, its nodes and its slots."""
