"""From users' data files to rows."""
