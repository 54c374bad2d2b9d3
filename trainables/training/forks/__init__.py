"""Training that several trials have in common: which steps, and its state where they part."""
