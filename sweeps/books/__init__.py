"""A sweep's records: files in its folder, and MLflow."""
