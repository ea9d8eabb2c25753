"""The row of a log-in: its dates, when it is asked and renewed, and why it ended."""
