"""Results of sweeps: records, rankings, and MLflow."""
