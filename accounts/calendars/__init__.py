"""Deadlines in a calendar, by a secret address."""
