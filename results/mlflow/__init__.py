"""MLflow's side of a sweep: runs, metrics, tags, and the server that shows them."""
