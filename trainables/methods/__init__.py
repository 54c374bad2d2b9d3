"""The tuning methods, one file each: settings, what learns, and what a method refuses."""
