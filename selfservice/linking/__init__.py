"""Linking a channel, as marketers see it: the start, the way back, the errors."""
