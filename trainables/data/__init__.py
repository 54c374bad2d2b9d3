"""From the files that people have to the token arrays that a trial reads."""
