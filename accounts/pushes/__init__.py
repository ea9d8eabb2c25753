"""Pushes of the channels: received, checked, and either written at once or asked about. What each may do: docs/decisions/0015-pushes.md."""
