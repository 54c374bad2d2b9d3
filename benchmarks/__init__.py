"""Claims of speed and quality, each a script that runs ours and the alternative side by side."""
