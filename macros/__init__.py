"""Macros: rules that say what to watch on which account and whom to tell."""
