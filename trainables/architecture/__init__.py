"""The parts of a transformer: its blocks, its layers, its embeddings, and adapters between them."""
