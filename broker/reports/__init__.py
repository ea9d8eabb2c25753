"""What jobs report of a channel's answer, and what follows."""
