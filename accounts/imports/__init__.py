"""Accounts and log-ins from a file."""
