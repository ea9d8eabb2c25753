"""A second person for an account: whose log-in is at hand, and who is asked."""
