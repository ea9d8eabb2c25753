"""Addresses that mail does not reach."""
