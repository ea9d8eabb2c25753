"""The start page of the portal."""
