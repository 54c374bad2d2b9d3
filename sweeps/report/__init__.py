"""What a sweep has come to: winners, verdict, front, status, and MLflow's pages."""
