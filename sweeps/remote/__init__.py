"""A sweep that is sent to a cluster's head node, and followed from here."""
