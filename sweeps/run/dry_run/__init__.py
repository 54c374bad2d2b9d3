"""One trial for a few steps on this machine, in this process, and what the sweep will cost."""
