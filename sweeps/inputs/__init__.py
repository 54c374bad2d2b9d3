"""Model and data of a sweep, prepared, and what its file asks of them."""
