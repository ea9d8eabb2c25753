"""What happened, for systems that ask."""
