"""Advice for the next sweep, from the records of this one."""
