"""Results of a sweep: winners, verdict, front, status, and MLflow's pages."""
