"""Disk space given back: files of ended sweeps that nothing needs any more."""
