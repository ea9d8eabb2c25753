"""The staff portal: what staff see and do with accounts, Authenticate Tokens, macros, channel apps, messages, and people."""
