"""What all rooms of trainables need: errors, ranks, progress, whole folders."""
