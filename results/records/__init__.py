"""What a sweep writes down: records, their store, and addresses."""
