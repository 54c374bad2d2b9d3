"""From records to examples: one file per kind of objective."""
