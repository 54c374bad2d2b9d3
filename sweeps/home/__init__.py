"""Where sweeps lie on this machine, and what is noted of where they came from."""
