"""A sweep's folder on shared storage, and who may write to it."""
