"""Scripts that back claims of speed and quality by side-by-side runs with the alternative."""
