"""Stand-in channels and a mailbox, for the demo and the tests. See README.md beside this file."""
