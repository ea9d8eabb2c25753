"""The outbox: messages, templates, delivery. Knows no account and no token."""
