"""Inviting people, and what accepting does."""
