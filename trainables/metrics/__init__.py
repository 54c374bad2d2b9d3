"""What is measured of a trial, one file a family: name, direction, unit, and how it is computed."""
