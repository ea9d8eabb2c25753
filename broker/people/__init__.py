"""The HTTP API for a person who leaves."""
