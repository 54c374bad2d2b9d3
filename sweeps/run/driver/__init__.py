"""A sweep while it runs, connected to Ray: its fleet, its search, its confirmation."""
