"""The daily evaluation and the text of warnings."""
