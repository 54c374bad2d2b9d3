"""A sweep's folder on shared storage, and the claim to it."""
