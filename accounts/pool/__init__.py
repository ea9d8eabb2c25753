"""The pool of an ad account: what is active, and what state follows."""
