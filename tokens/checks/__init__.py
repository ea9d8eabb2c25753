"""Asking the channel about a log-in, and renewing it."""
