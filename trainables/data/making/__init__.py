"""From records to examples: one file for each kind of objective."""
