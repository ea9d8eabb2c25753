"""The stand-in LinkedIn."""
