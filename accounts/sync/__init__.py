"""Asking channels about ad accounts, and writing what they say."""
