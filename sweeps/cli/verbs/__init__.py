"""The verbs of `sweep`, one file each, named after the verb."""
