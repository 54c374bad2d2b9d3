"""A trial exported as a folder that plain transformers and PEFT load."""
