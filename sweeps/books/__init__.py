"""What a sweep leaves on record: the folder's records, and MLflow."""
