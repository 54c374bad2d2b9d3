"""Files on storage that all nodes reach."""
