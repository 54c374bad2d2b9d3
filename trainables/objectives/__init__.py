"""Objectives, one file each: settings and incompatibilities."""
