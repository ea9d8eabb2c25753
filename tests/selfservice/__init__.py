"""Tests of selfservice."""
