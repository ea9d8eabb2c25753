"""What happened to accounts, and what was handed out, for systems that keep or look through it."""
