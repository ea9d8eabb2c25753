"""A mail server that keeps what it takes, and pages and JSON to read it."""
