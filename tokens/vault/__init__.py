"""Encrypting what is stored of log-ins, and under which key."""
