"""Macros as staff make them: their form, their accounts, and whose they are."""
