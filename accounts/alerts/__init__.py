"""What operators are mailed about."""
