"""Running sweeps: launch, resume, plan, dry run, inspect; the driver."""
