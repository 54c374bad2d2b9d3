"""Several trials in one process: each trains in a lane of its own over one frozen base."""
