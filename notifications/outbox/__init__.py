"""Messages to be sent: their kinds, and how they are written and made."""
