"""Training examples and passages looked up for prompts."""
