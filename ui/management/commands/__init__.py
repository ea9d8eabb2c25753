"""Commands for whoever works on AdToken."""
