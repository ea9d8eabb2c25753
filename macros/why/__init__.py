"""Why somebody was mailed, or was not."""
