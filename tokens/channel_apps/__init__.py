"""Our apps at the channels."""
