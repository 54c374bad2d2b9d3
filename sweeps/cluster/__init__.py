"""The Ray that a sweep runs on, its nodes and its slots."""
