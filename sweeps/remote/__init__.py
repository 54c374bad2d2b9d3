"""Sweeps on a cluster's head node, sent and followed from this machine."""
