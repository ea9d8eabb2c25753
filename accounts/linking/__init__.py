"""Linking: one user-visible flow."""
