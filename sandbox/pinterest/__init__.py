"""The stand-in Pinterest."""
