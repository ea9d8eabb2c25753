"""Formats of the one language that pages have."""
