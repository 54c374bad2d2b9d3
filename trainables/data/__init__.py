"""From users' data files to the token arrays of a trial."""
