"""What an exported model is accompanied by: its card, its Modelfile, the way to train it again."""
