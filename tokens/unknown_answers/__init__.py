"""Answers of channels that no table knows."""
