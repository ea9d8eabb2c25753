"""What staff do with accounts, by API: pause, resume, check, apply a macro."""
