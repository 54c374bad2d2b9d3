"""Running sweeps: launch, resume, drive, dry run, inspect."""
