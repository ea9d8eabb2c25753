"""What accounts write to people, one module a kind of mail."""
