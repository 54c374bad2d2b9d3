"""What the parts of a sweep file ask of each other, one file for each kind of mistake."""
