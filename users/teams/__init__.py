"""Teams: who is in them, what they refuse, and how they end."""
