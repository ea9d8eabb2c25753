"""Logging in: passwords, second factor, and limits on guessing."""
