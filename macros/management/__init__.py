"""Management commands of macros."""
