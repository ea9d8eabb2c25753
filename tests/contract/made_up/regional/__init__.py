"""A made-up channel: see channel.py."""
