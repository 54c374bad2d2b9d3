"""A sweep from launch to end: prepare, drive, resume, dry run, inspect."""
