"""The sweep home on this machine, and the provenance of sweeps."""
