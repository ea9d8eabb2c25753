"""Credentials: the vault, the channels, and the life of a token."""
