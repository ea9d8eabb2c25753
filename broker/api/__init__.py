"""The HTTP API for publishing systems."""
