"""The list of accounts as a file."""
