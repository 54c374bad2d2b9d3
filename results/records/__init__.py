"""A sweep's records, their store, and addresses."""
