"""Commands of the tokens app."""
