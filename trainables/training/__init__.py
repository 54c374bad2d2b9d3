"""One trial: from a configuration and a base model to measured weights."""
