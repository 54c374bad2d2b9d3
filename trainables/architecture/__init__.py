"""The parts of a transformer: blocks, layers, embeddings, and adapters between them."""
