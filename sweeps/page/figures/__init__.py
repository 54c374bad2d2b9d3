"""The report's charts, one file for each kind."""
