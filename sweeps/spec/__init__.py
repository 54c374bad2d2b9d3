"""What a sweep file says, read and checked before anything starts."""
