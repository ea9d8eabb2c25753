"""What the database is bound to, and whether it is on hold."""
