"""The verbs of `sweep`, one file each, named after the verb, in rooms by when they are of use."""
