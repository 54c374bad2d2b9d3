"""The tuning methods, one file each: settings, trained parameters and incompatibilities."""
