"""What a token is: its row, dates and history, when it is asked and renewed, why it ended. What happens to it: tokens.lifecycle."""
